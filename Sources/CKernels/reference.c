// Plain loops: what every other table is tested against, and what runs where there is no other.
#include "formats.h"
#include <math.h>

static void widen_f32(const void *source, float *out, size_t n) { memcpy(out, source, n * sizeof *out); }

static void widen_f16(const void *source, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = half_to_float(read_u16((const char *)source + 2 * i));
}

static void widen_bf16(const void *source, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = float_of_bits((uint32_t)read_u16((const char *)source + 2 * i) << 16);
}

#define WIDEN(NAME, T) \
    static void NAME(const void *source, float *out, size_t n) { \
        for (size_t i = 0; i < n; i++) { \
            T v; \
            memcpy(&v, (const char *)source + i * sizeof v, sizeof v); \
            out[i] = (float)v; \
        } \
    }
WIDEN(widen_f64, double)
WIDEN(widen_i8, int8_t)
WIDEN(widen_u8, uint8_t)
WIDEN(widen_i32, int32_t)
WIDEN(widen_i64, int64_t)

static void widen_bool(const void *source, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = ((const uint8_t *)source)[i] != 0;
}

static void widen_q4_0(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += BLOCK, b += Q4_0_BYTES) {
        const float d = half_to_float(read_u16(b));
        for (int j = 0; j < 16; j++) {
            out[i + j] = d * (float)((b[2 + j] & 15) - 8);
            out[i + j + 16] = d * (float)((b[2 + j] >> 4) - 8);
        }
    }
}

static void widen_q4_1(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += BLOCK, b += Q4_1_BYTES) {
        const float d = half_to_float(read_u16(b)), m = half_to_float(read_u16(b + 2));
        for (int j = 0; j < 16; j++) {
            out[i + j] = d * (float)(b[4 + j] & 15) + m;
            out[i + j + 16] = d * (float)(b[4 + j] >> 4) + m;
        }
    }
}

static void widen_q5_0(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += BLOCK, b += Q5_0_BYTES) {
        const float d = half_to_float(read_u16(b));
        const uint32_t high = read_u32(b + 2);
        for (int j = 0; j < 16; j++) {
            out[i + j] = d * (float)((int)((b[6 + j] & 15) | (high >> j & 1) << 4) - 16);
            out[i + j + 16] = d * (float)((int)((b[6 + j] >> 4) | (high >> (j + 16) & 1) << 4) - 16);
        }
    }
}

static void widen_q5_1(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += BLOCK, b += Q5_1_BYTES) {
        const float d = half_to_float(read_u16(b)), m = half_to_float(read_u16(b + 2));
        const uint32_t high = read_u32(b + 4);
        for (int j = 0; j < 16; j++) {
            out[i + j] = d * (float)((b[8 + j] & 15) | (high >> j & 1) << 4) + m;
            out[i + j + 16] = d * (float)((b[8 + j] >> 4) | (high >> (j + 16) & 1) << 4) + m;
        }
    }
}

static void widen_q8_0(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += BLOCK, b += Q8_0_BYTES) {
        const float d = half_to_float(read_u16(b));
        for (int j = 0; j < BLOCK; j++) out[i + j] = d * (float)(int8_t)b[2 + j];
    }
}

static void widen_q4_k(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, b += Q4_K_BYTES) {
        const float d = half_to_float(read_u16(b)), dmin = half_to_float(read_u16(b + 2));
        for (int j = 0; j < 8; j++) {
            uint8_t scale, min;
            scale_and_min(b + 4, j, &scale, &min);
            const uint8_t *q = b + 16 + 32 * (j / 2);
            const int shift = 4 * (j & 1);
            for (int l = 0; l < 32; l++) out[i + 32 * j + l] = d * scale * (float)(q[l] >> shift & 15) - dmin * min;
        }
    }
}

static void widen_q5_k(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, b += Q5_K_BYTES) {
        const float d = half_to_float(read_u16(b)), dmin = half_to_float(read_u16(b + 2));
        const uint8_t *high = b + 16;
        for (int j = 0; j < 8; j++) {
            uint8_t scale, min;
            scale_and_min(b + 4, j, &scale, &min);
            const uint8_t *q = b + 48 + 32 * (j / 2);
            const int shift = 4 * (j & 1);
            for (int l = 0; l < 32; l++) {
                const int v = (q[l] >> shift & 15) | (high[l] >> j & 1) << 4;
                out[i + 32 * j + l] = d * scale * (float)v - dmin * min;
            }
        }
    }
}

static void widen_q6_k(const void *source, float *out, size_t n) {
    const uint8_t *b = source;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, b += Q6_K_BYTES) {
        const int8_t *scales = (const int8_t *)b + 192;
        const float d = half_to_float(read_u16(b + 208));
        // Eight groups of 32: each half of the super-block has four, two by low and two by high nibbles.
        for (int j = 0; j < 8; j++) {
            const int half = j / 4, k = j % 4;
            const uint8_t *low = b + 64 * half + 32 * (k & 1), *high = b + 128 + 32 * half;
            for (int l = 0; l < 32; l++) {
                const int v = (low[l] >> 4 * (k / 2) & 15) | (high[l] >> 2 * k & 3) << 4;
                out[i + 32 * j + l] = d * scales[2 * j + l / 16] * (float)(v - 32);
            }
        }
    }
}

static double multiply_registers(size_t rounds, float *sink) {
    float sums[8] = {0};
    for (size_t i = 0; i < rounds; i++)
        for (int j = 0; j < 8; j++) sums[j] = sums[j] * 0.999f + *sink;
    for (int j = 0; j < 8; j++) *sink += sums[j];
    return 2.0 * 8 * (double)rounds;
}

static float dot(const float *a, const float *b, size_t n) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

#define PRODUCT(NAME, WIDEN_ONE, STEP, BYTES) \
    static void NAME(const void *weights, size_t row_bytes, size_t rows, size_t columns, const float *x, \
                     size_t x_stride, size_t tokens, const float *bias, float *out, size_t out_stride) { \
        for (size_t r = 0; r < rows; r++) { \
            const uint8_t *w = (const uint8_t *)weights + r * row_bytes; \
            for (size_t t = 0; t < tokens; t++) out[t * out_stride + r] = bias ? bias[r] : 0; \
            for (size_t c = 0; c < columns; c += STEP, w += BYTES) { \
                float block[STEP]; \
                WIDEN_ONE(w, block, STEP); \
                for (size_t t = 0; t < tokens; t++) out[t * out_stride + r] += dot(block, x + t * x_stride + c, STEP); \
            } \
        } \
    }
PRODUCT(product_f32, widen_f32, 1, 4)
PRODUCT(product_f16, widen_f16, 1, 2)
PRODUCT(product_bf16, widen_bf16, 1, 2)
PRODUCT(product_q4_0, widen_q4_0, BLOCK, Q4_0_BYTES)
PRODUCT(product_q4_1, widen_q4_1, BLOCK, Q4_1_BYTES)
PRODUCT(product_q5_0, widen_q5_0, BLOCK, Q5_0_BYTES)
PRODUCT(product_q5_1, widen_q5_1, BLOCK, Q5_1_BYTES)
PRODUCT(product_q8_0, widen_q8_0, BLOCK, Q8_0_BYTES)
PRODUCT(product_q4_k, widen_q4_k, SUPER_BLOCK, Q4_K_BYTES)
PRODUCT(product_q5_k, widen_q5_k, SUPER_BLOCK, Q5_K_BYTES)
PRODUCT(product_q6_k, widen_q6_k, SUPER_BLOCK, Q6_K_BYTES)

static size_t gemm_bytes(size_t tokens, size_t columns) { return tokens * columns * sizeof(float); }

static void gemm_pack(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed) {
    (void)tokens;
    memcpy((float *)packed + panel * columns, x + panel * x_stride, columns * sizeof(float));
}

static void gemm_product(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const void *packed,
                         size_t tokens, float scale, const float *bias, float *out, size_t out_stride, int adding) {
    for (size_t t = 0; t < tokens; t++)
        for (size_t r = 0; r < rows; r++) {
            float sum = 0;
            for (size_t k = 0; k < columns; k++)
                sum += w[r * row_step + k * column_step] * ((const float *)packed)[t * columns + k];
            float *to = out + t * out_stride + r;
            *to = (adding ? *to : 0) + scale * sum + (bias ? bias[r] : 0);
        }
}

static void gemm_product_packed(const float *w, size_t row_step, size_t rows, size_t columns, const void *packed, size_t tokens,
                                const float *bias, float *out, size_t out_columns, size_t first_row) {
    gemm_product(w, row_step, 1, rows, columns, packed, tokens, 1, bias, out + first_row, out_columns, 0);
}

static void axpy(float alpha, const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += alpha * x[i];
}

static void add(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = a[i] + b[i];
}

static void multiply(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = a[i] * b[i];
}

static void scores(const float *q, const float *keys, size_t stride, size_t count, size_t n, float scale, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = scale * dot(q, keys + i * stride, n);
}

static void weighted_sum(const float *weights, const float *values, size_t stride, size_t count, size_t n, float *out) {
    for (size_t i = 0; i < count; i++) axpy(weights[i], values + i * stride, out, n);
}

static void rotate(float *x, const float *turn, float sign, size_t n) {
    for (size_t i = 0; i < n; i += 2) {
        const float a = x[i], b = x[i + 1], cosine = turn[i], sine = sign * turn[i + 1];
        x[i] = a * cosine - b * sine;
        x[i + 1] = a * sine + b * cosine;
    }
}

static void softmax(float *x, size_t n) {
    float top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < n; i++) sum += x[i] = expf(x[i] - top);
    for (size_t i = 0; i < n; i++) x[i] /= sum;
}

static size_t attend_floats(size_t size, size_t keys) {
    (void)size;
    return keys;
}

static void attend(const lk_attention *a, const float *q, size_t q_stride, size_t tokens, float *scratch, float *out,
                   size_t out_stride) {
    for (size_t t = 0; t < tokens; t++, q += q_stride, out += out_stride) {
        const size_t keys = a->seen + (a->causal ? t : 0);
        scores(q, a->keys, a->key_stride, keys, a->size, a->scale, scratch);
        softmax(scratch, keys);
        for (size_t j = 0; j < keys; j++) scratch[j] *= a->factor;
        if (!a->adding) memset(out, 0, a->size * sizeof *out);
        weighted_sum(scratch, a->values, a->value_stride, keys, a->size, out);
    }
}

static void rms_norm(const float *x, const float *weight, float eps, float *out, size_t n) {
    const float scale = 1 / sqrtf(dot(x, x, n) / (float)n + eps);
    for (size_t i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

static void layer_norm(const float *x, const float *weight, const float *bias, float eps, float *out, size_t n) {
    float mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) mean += x[i];
    mean /= (float)n;
    for (size_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    const float scale = 1 / sqrtf(variance / (float)n + eps);
    for (size_t i = 0; i < n; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

static void exponential(const float *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = expf(x[i]);
}

static void silu_multiply(const float *gate, const float *up, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static void silu(const float *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = x[i] / (1 + expf(-x[i]));
}

static void quick_gelu(const float *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = x[i] / (1 + expf(-1.702f * x[i]));
}

static void gelu(const float *x, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = 0.5f * x[i] * (1 + erff(x[i] * 0.70710678f));
}

static void softmax_backward(const float *p, float *dp, size_t n) {
    const float mean = dot(p, dp, n);
    for (size_t i = 0; i < n; i++) dp[i] = p[i] * (dp[i] - mean);
}

// y = x s w with s = 1 / sqrt(mean(x²) + eps):  dx = s (dy w - x s² mean(x dy w)).
static void rms_norm_backward(const float *x, const float *weight, float eps, const float *dy, float *dx,
                              float *dweight, size_t n) {
    const float scale = 1 / sqrtf(dot(x, x, n) / (float)n + eps);
    float along = 0;
    for (size_t i = 0; i < n; i++) along += x[i] * dy[i] * weight[i];
    along *= scale * scale / (float)n;
    for (size_t i = 0; i < n; i++) {
        dx[i] += scale * (dy[i] * weight[i] - x[i] * along);
        if (dweight) dweight[i] += dy[i] * x[i] * scale;
    }
}

// y = z w + b with z = (x - mean) s:  dx = s (dz - mean(dz) - z mean(z dz)), dz = dy w.
static void layer_norm_backward(const float *x, const float *weight, float eps, const float *dy, float *dx,
                                float *dweight, float *dbias, size_t n) {
    float mean = 0, variance = 0, level = 0, along = 0;
    for (size_t i = 0; i < n; i++) mean += x[i];
    mean /= (float)n;
    for (size_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    const float scale = 1 / sqrtf(variance / (float)n + eps);
    for (size_t i = 0; i < n; i++) {
        level += dy[i] * weight[i];
        along += dy[i] * weight[i] * (x[i] - mean) * scale;
    }
    level /= (float)n;
    along /= (float)n;
    for (size_t i = 0; i < n; i++) {
        const float z = (x[i] - mean) * scale;
        dx[i] += scale * (dy[i] * weight[i] - level - z * along);
        if (dweight) dweight[i] += dy[i] * z;
        if (dbias) dbias[i] += dy[i];
    }
}

static void silu_multiply_backward(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float s = 1 / (1 + expf(-gate[i])), d = dy[i];
        dgate[i] = d * up[i] * s * (1 + gate[i] * (1 - s));
        dup[i] = d * gate[i] * s;
    }
}

static void gelu_backward(const float *x, const float *dy, float *dx, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float phi = 0.39894228f * expf(-0.5f * x[i] * x[i]);
        dx[i] = dy[i] * (0.5f * (1 + erff(x[i] * 0.70710678f)) + x[i] * phi);
    }
}

static void adamw(float *w, const float *g, float *m, float *v, size_t n, lk_adamw s) {
    for (size_t i = 0; i < n; i++) {
        const float gradient = g[i] * s.g_scale;
        m[i] = s.beta1 * m[i] + (1 - s.beta1) * gradient;
        v[i] = s.beta2 * v[i] + (1 - s.beta2) * gradient * gradient;
        w[i] -= s.rate * (m[i] * s.m_scale / (sqrtf(v[i] * s.v_scale) + s.eps) + s.decay * w[i]);
    }
}

const lk_kernels lk_scalar = {
    .name = "scalar",
    .widen = {
        [LK_F32] = widen_f32, [LK_F16] = widen_f16, [LK_BF16] = widen_bf16, [LK_F64] = widen_f64,
        [LK_I8] = widen_i8, [LK_U8] = widen_u8, [LK_I32] = widen_i32, [LK_I64] = widen_i64, [LK_BOOL] = widen_bool,
        [LK_Q4_0] = widen_q4_0, [LK_Q4_1] = widen_q4_1, [LK_Q5_0] = widen_q5_0, [LK_Q5_1] = widen_q5_1,
        [LK_Q8_0] = widen_q8_0, [LK_Q4_K] = widen_q4_k, [LK_Q5_K] = widen_q5_k, [LK_Q6_K] = widen_q6_k,
    },
    .product = {
        [LK_F32] = product_f32, [LK_F16] = product_f16, [LK_BF16] = product_bf16,
        [LK_Q4_0] = product_q4_0, [LK_Q4_1] = product_q4_1, [LK_Q5_0] = product_q5_0, [LK_Q5_1] = product_q5_1,
        [LK_Q8_0] = product_q8_0, [LK_Q4_K] = product_q4_k, [LK_Q5_K] = product_q5_k, [LK_Q6_K] = product_q6_k,
    },
    .gemm = {
        .panel = 1, .lanes = 1, .range = 192, .bytes = gemm_bytes, .pack = gemm_pack, .product = gemm_product,
        .product_packed = gemm_product_packed, .multiply_registers = multiply_registers,
    },
    .attend_floats = attend_floats, .attend = attend,
    .dot = dot, .axpy = axpy, .add = add, .multiply = multiply, .scores = scores, .weighted_sum = weighted_sum,
    .rotate = rotate, .softmax = softmax, .rms_norm = rms_norm, .layer_norm = layer_norm, .exp = exponential,
    .silu_multiply = silu_multiply, .silu = silu, .quick_gelu = quick_gelu, .gelu = gelu,
    .softmax_backward = softmax_backward, .rms_norm_backward = rms_norm_backward,
    .layer_norm_backward = layer_norm_backward, .silu_multiply_backward = silu_multiply_backward,
    .gelu_backward = gelu_backward, .adamw = adamw,
};
