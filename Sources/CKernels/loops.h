// The loops once for every instruction set. A file that includes this has defined:
//   vec, LANES, VECS = 32 / LANES, TILE_TOKENS (4 or 8), TILE_ROWS(T), TABLE (name of the table), TABLE_NAME (its text)
//   v_zero, v_set1, v_load, v_store, v_load_part, v_store_part, v_add, v_sub, v_mul, v_div, v_fma (a b + c), v_fnma (c - a b),
//   v_fmaddsub (a b - c in even lanes, a b + c in odd ones), v_evens, v_odds (each pair's first or second, twice), v_swap_pairs
//   v_max, v_min (NaN in the second argument wins), v_abs, v_sqrt, v_sum, v_top, v_exp
//   GEMM_ROWS, v_transpose(vec v[LANES]), a square of vectors turned
//   and a loader for each type: load_<type>(row, b, w) writes elements 32 b ... 32 b + 31 of a row to vec w[VECS].
// Nothing here sees more of the CPU than those.

#define MAX_ROWS 4
#define INLINE static inline __attribute__((always_inline))

// A product works on a tile of a few rows by a few tokens whose sums stay in registers:
// each block of weights is widened once and used for all tokens of the tile.
#define DEFINE_TYPE(TYPE, STEP, STEP_BYTES, BYTES) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, size_t columns, const float *x, size_t x_stride, \
                            const float *bias, float *out, size_t out_stride, const int rows, const int tokens) { \
        /* A sum is one chain of additions whatever the tile, so that a token's result does not depend on its company. */ \
        vec sum[MAX_ROWS][TILE_TOKENS]; \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) \
            _Pragma("clang loop unroll(full)") for (int t = 0; t < tokens; t++) \
                sum[r][t] = v_zero(); \
        const size_t whole = columns / BLOCK, ahead = prefetch_distance(row_bytes, (size_t)rows); \
        for (size_t b = 0; b < whole; b++) { \
            vec v[MAX_ROWS][VECS]; \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) { \
                __builtin_prefetch(w + (size_t)r * row_bytes + b * BYTES + ahead); \
                load_##TYPE(w + (size_t)r * row_bytes, b, v[r]); \
            } \
            _Pragma("clang loop unroll(full)") for (int t = 0; t < tokens; t++) \
                _Pragma("clang loop unroll(full)") for (int j = 0; j < VECS; j++) { \
                    const vec values = v_load(x + (size_t)t * x_stride + b * BLOCK + (size_t)j * LANES); \
                    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) \
                        sum[r][t] = v_fma(v[r][j], values, sum[r][t]); \
                } \
        } \
        const size_t rest = columns % BLOCK; \
        if (STEP == 1 && rest) { \
            uint8_t padded[BLOCK * STEP_BYTES]; \
            for (int r = 0; r < rows; r++) { \
                memset(padded, 0, sizeof padded); \
                memcpy(padded, w + (size_t)r * row_bytes + whole * BLOCK * STEP_BYTES, rest * STEP_BYTES); \
                vec v[VECS]; \
                load_##TYPE(padded, 0, v); \
                for (int t = 0; t < tokens; t++) \
                    for (size_t j = 0; j * LANES < rest; j++) { \
                        const float *from = x + (size_t)t * x_stride + whole * BLOCK + j * LANES; \
                        const size_t n = rest - j * LANES; \
                        sum[r][t] = v_fma(v[j], n < LANES ? v_load_part(from, n) : v_load(from), sum[r][t]); \
                    } \
            } \
        } \
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) \
            _Pragma("clang loop unroll(full)") for (int t = 0; t < tokens; t++) \
                out[(size_t)t * out_stride + (size_t)r] = v_sum(sum[r][t]) + (bias ? bias[r] : 0); \
    } \
    INLINE void rows_##TYPE(const uint8_t *w, size_t row_bytes, size_t rows, size_t columns, const float *x, size_t x_stride, \
                            const float *bias, float *out, size_t out_stride, const int tokens) { \
        const size_t step = TILE_ROWS(tokens); \
        size_t r = 0; \
        for (; r + step <= rows; r += step) \
            tile_##TYPE(w + r * row_bytes, row_bytes, columns, x, x_stride, bias ? bias + r : NULL, out + r, out_stride, TILE_ROWS(tokens), tokens); \
        for (; r < rows; r++) \
            tile_##TYPE(w + r * row_bytes, row_bytes, columns, x, x_stride, bias ? bias + r : NULL, out + r, out_stride, 1, tokens); \
    } \
    static void product_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const float *x, size_t x_stride, \
                               size_t tokens, const float *bias, float *out, size_t out_stride) { \
        /* With several tiles of tokens, a band of rows stays in the nearest cache while they pass. */ \
        const size_t band = tokens > TILE_TOKENS ? 16 : rows; \
        for (size_t first = 0; first < rows; first += band) { \
            const size_t n = rows - first < band ? rows - first : band; \
            const uint8_t *w = (const uint8_t *)weights + first * row_bytes; \
            const float *b = bias ? bias + first : NULL; \
            size_t t = 0; \
            if (TILE_TOKENS == 8) \
                for (; t + 8 <= tokens; t += 8) rows_##TYPE(w, row_bytes, n, columns, x + t * x_stride, x_stride, b, out + t * out_stride + first, out_stride, TILE_TOKENS); \
            for (; t + 4 <= tokens; t += 4) rows_##TYPE(w, row_bytes, n, columns, x + t * x_stride, x_stride, b, out + t * out_stride + first, out_stride, 4); \
            const float *xt = x + t * x_stride; \
            float *yt = out + t * out_stride + first; \
            if (tokens - t == 3) rows_##TYPE(w, row_bytes, n, columns, xt, x_stride, b, yt, out_stride, 3); \
            if (tokens - t == 2) rows_##TYPE(w, row_bytes, n, columns, xt, x_stride, b, yt, out_stride, 2); \
            if (tokens - t == 1) rows_##TYPE(w, row_bytes, n, columns, xt, x_stride, b, yt, out_stride, 1); \
        } \
    } \
    static void widen_##TYPE(const void *source, float *out, size_t count) { \
        const uint8_t *from = source; \
        const size_t whole = count / BLOCK; \
        vec v[VECS]; \
        for (size_t b = 0; b < whole; b++) { \
            load_##TYPE(from, b, v); \
            for (int j = 0; j < VECS; j++) v_store(out + b * BLOCK + (size_t)j * LANES, v[j]); \
        } \
        const size_t rest = count % BLOCK; \
        if (STEP == 1 && rest) { \
            uint8_t padded[BLOCK * STEP_BYTES] = {0}; \
            memcpy(padded, from + whole * BLOCK * STEP_BYTES, rest * STEP_BYTES); \
            load_##TYPE(padded, 0, v); \
            float values[BLOCK]; \
            for (int j = 0; j < VECS; j++) v_store(values + (size_t)j * LANES, v[j]); \
            memcpy(out + whole * BLOCK, values, rest * sizeof *out); \
        } \
    }

DEFINE_TYPE(f32, 1, 4, 128)
DEFINE_TYPE(f16, 1, 2, 64)
DEFINE_TYPE(bf16, 1, 2, 64)
DEFINE_TYPE(q4_0, BLOCK, 1, Q4_0_BYTES)
DEFINE_TYPE(q4_1, BLOCK, 1, Q4_1_BYTES)
DEFINE_TYPE(q5_0, BLOCK, 1, Q5_0_BYTES)
DEFINE_TYPE(q5_1, BLOCK, 1, Q5_1_BYTES)
DEFINE_TYPE(q8_0, BLOCK, 1, Q8_0_BYTES)
DEFINE_TYPE(q4_k, BLOCK, 1, Q4_K_BYTES / 8)
DEFINE_TYPE(q5_k, BLOCK, 1, Q5_K_BYTES / 8)
DEFINE_TYPE(q6_k, BLOCK, 1, Q6_K_BYTES / 8)

#include "loops_gemm.h"
#include "loops_attention.h"

// Calls BODY(load, store) for whole vectors and once more for a part.
#define FOR_EACH_VECTOR(N, WHOLE, PART) \
    size_t i = 0; \
    for (; i + LANES <= (N); i += LANES) { WHOLE; } \
    if (i < (N)) { const size_t left = (N) - i; PART; }

#define MAP(NAME, EXPRESSION) \
    INLINE vec NAME##_of(vec x) { return EXPRESSION; } \
    static void NAME(const float *x, float *out, size_t n) { \
        FOR_EACH_VECTOR(n, v_store(out + i, NAME##_of(v_load(x + i))), \
                        v_store_part(out + i, NAME##_of(v_load_part(x + i, left)), left)) \
    }

#define MAP_2(NAME, EXPRESSION) \
    INLINE vec NAME##_of(vec a, vec b) { return EXPRESSION; } \
    static void NAME(const float *a, const float *b, float *out, size_t n) { \
        FOR_EACH_VECTOR(n, v_store(out + i, NAME##_of(v_load(a + i), v_load(b + i))), \
                        v_store_part(out + i, NAME##_of(v_load_part(a + i, left), v_load_part(b + i, left)), left)) \
    }

INLINE vec sigmoid(vec x) { return v_div(v_set1(1), v_add(v_set1(1), v_exp(v_sub(v_zero(), x)))); }

/// max(x, 0) - |x|/2 erfc(|x|/√2), with Abramowitz and Stegun's 7.1.26 for erfc: exact to 1e-6 at any x.
INLINE vec gelu_by_erfc(vec x) {
    const vec size = v_abs(x);
    const vec t = v_div(v_set1(1), v_fma(size, v_set1(0.3275911f * 0.70710678f), v_set1(1)));
    vec p = v_set1(1.061405429f);
    p = v_fma(p, t, v_set1(-1.453152027f));
    p = v_fma(p, t, v_set1(1.421413741f));
    p = v_fma(p, t, v_set1(-0.284496736f));
    p = v_fma(p, t, v_set1(0.254829592f));
    const vec erfc = v_mul(v_mul(p, t), v_exp(v_mul(v_mul(x, x), v_set1(-0.5f))));
    return v_fnma(v_mul(size, v_set1(0.5f)), erfc, v_max(v_zero(), x));
}

MAP(exponential, v_exp(x))
MAP(silu, v_mul(x, sigmoid(x)))
MAP(quick_gelu, v_mul(x, sigmoid(v_mul(x, v_set1(1.702f)))))
MAP(gelu, gelu_by_erfc(x))
MAP_2(add, v_add(a, b))
MAP_2(multiply, v_mul(a, b))
MAP_2(silu_multiply, v_mul(v_mul(a, sigmoid(a)), b))

static double multiply_registers(size_t rounds, float *sink) {
    // Enough of them to hide the latency of one, few enough for registers.
    vec sums[10];
    const vec factor = v_set1(0.999f), more = v_set1(*sink);
    for (int j = 0; j < 10; j++) sums[j] = v_set1((float)j);
    for (size_t i = 0; i < rounds; i++)
        _Pragma("clang loop unroll(full)") for (int j = 0; j < 10; j++) sums[j] = v_fma(sums[j], factor, more);
    for (int j = 0; j < 10; j++) *sink += v_sum(sums[j]);
    return 2.0 * 10 * LANES * (double)rounds;
}

static float dot(const float *a, const float *b, size_t n) {
    vec sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (size_t j = 0; j < 4; j++) sum[j] = v_fma(v_load(a + i + j * LANES), v_load(b + i + j * LANES), sum[j]);
    for (; i + LANES <= n; i += LANES) sum[0] = v_fma(v_load(a + i), v_load(b + i), sum[0]);
    if (i < n) sum[1] = v_fma(v_load_part(a + i, n - i), v_load_part(b + i, n - i), sum[1]);
    return v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
}

static void axpy(float alpha, const float *x, float *y, size_t n) {
    const vec s = v_set1(alpha);
    FOR_EACH_VECTOR(n, v_store(y + i, v_fma(s, v_load(x + i), v_load(y + i))),
                    v_store_part(y + i, v_fma(s, v_load_part(x + i, left), v_load_part(y + i, left)), left))
}

static void scale_by(float scale, float *x, size_t n) {
    const vec s = v_set1(scale);
    FOR_EACH_VECTOR(n, v_store(x + i, v_mul(s, v_load(x + i))),
                    v_store_part(x + i, v_mul(s, v_load_part(x + i, left)), left))
}

static void scores(const float *q, const float *keys, size_t stride, size_t count, size_t n, float scale, float *out) {
    product_f32(keys, stride * sizeof *keys, count, n, q, 0, 1, NULL, out, 0);
    scale_by(scale, out, count);
}

static void weighted_sum(const float *weights, const float *values, size_t stride, size_t count, size_t n, float *out) {
    size_t d = 0;
    for (; d + 4 * LANES <= n; d += 4 * LANES) {
        vec sum[4];
        for (size_t j = 0; j < 4; j++) sum[j] = v_load(out + d + j * LANES);
        for (size_t i = 0; i < count; i++) {
            const vec w = v_set1(weights[i]);
            for (size_t j = 0; j < 4; j++) sum[j] = v_fma(w, v_load(values + i * stride + d + j * LANES), sum[j]);
        }
        for (size_t j = 0; j < 4; j++) v_store(out + d + j * LANES, sum[j]);
    }
    if (d < n)
        for (size_t i = 0; i < count; i++) axpy(weights[i], values + i * stride + d, out + d, n - d);
}

INLINE vec turned(vec x, vec turn, vec sign) {
    return v_fmaddsub(x, v_evens(turn), v_mul(v_swap_pairs(x), v_mul(sign, v_odds(turn))));
}

static void rotate(float *x, const float *turn, float sign, size_t n) {
    const vec s = v_set1(sign);
    FOR_EACH_VECTOR(n, v_store(x + i, turned(v_load(x + i), v_load(turn + i), s)),
                    v_store_part(x + i, turned(v_load_part(x + i, left), v_load_part(turn + i, left), s), left))
}

static void softmax(float *x, size_t n) {
    if (n == 0) return;
    float top = x[0];
    vec tops = v_set1(top);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) tops = v_max(tops, v_load(x + i));
    top = v_top(tops);
    for (; i < n; i++) top = x[i] > top ? x[i] : top;

    const vec shift = v_set1(top);
    vec sums = v_zero();
    for (i = 0; i + LANES <= n; i += LANES) {
        const vec e = v_exp(v_sub(v_load(x + i), shift));
        v_store(x + i, e);
        sums = v_add(sums, e);
    }
    float sum = 0;
    if (i < n) {
        v_store_part(x + i, v_exp(v_sub(v_load_part(x + i, n - i), shift)), n - i);
        for (; i < n; i++) sum += x[i];
    }
    scale_by(1 / (sum + v_sum(sums)), x, n);
}

static void rms_norm(const float *x, const float *weight, float eps, float *out, size_t n) {
    const vec s = v_set1(1 / sqrtf(dot(x, x, n) / (float)n + eps));
    FOR_EACH_VECTOR(n, v_store(out + i, v_mul(v_mul(v_load(x + i), s), v_load(weight + i))),
                    v_store_part(out + i, v_mul(v_mul(v_load_part(x + i, left), s), v_load_part(weight + i, left)), left))
}

static float sum_of(const float *x, size_t n) {
    vec sum = v_zero();
    FOR_EACH_VECTOR(n, sum = v_add(sum, v_load(x + i)), sum = v_add(sum, v_load_part(x + i, left)))
    return v_sum(sum);
}

static float squares_around(float mean, const float *x, size_t n) {
    const vec m = v_set1(mean);
    vec sum = v_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec d = v_sub(v_load(x + i), m);
        sum = v_fma(d, d, sum);
    }
    float total = v_sum(sum);
    for (; i < n; i++) total += (x[i] - mean) * (x[i] - mean);
    return total;
}

static void layer_norm(const float *x, const float *weight, const float *bias, float eps, float *out, size_t n) {
    const float mean = sum_of(x, n) / (float)n;
    const vec m = v_set1(mean), s = v_set1(1 / sqrtf(squares_around(mean, x, n) / (float)n + eps));
    FOR_EACH_VECTOR(n, v_store(out + i, v_fma(v_mul(v_sub(v_load(x + i), m), s), v_load(weight + i), v_load(bias + i))),
                    v_store_part(out + i, v_fma(v_mul(v_sub(v_load_part(x + i, left), m), s), v_load_part(weight + i, left),
                                                v_load_part(bias + i, left)), left))
}

#include "loops_backward.h"

const lk_kernels TABLE = {
    .name = TABLE_NAME,
    .widen = {
        [LK_F32] = widen_f32, [LK_F16] = widen_f16, [LK_BF16] = widen_bf16,
        [LK_Q4_0] = widen_q4_0, [LK_Q4_1] = widen_q4_1, [LK_Q5_0] = widen_q5_0, [LK_Q5_1] = widen_q5_1,
        [LK_Q8_0] = widen_q8_0, [LK_Q4_K] = widen_q4_k, [LK_Q5_K] = widen_q5_k, [LK_Q6_K] = widen_q6_k,
    },
    .product = {
        [LK_F32] = product_f32, [LK_F16] = product_f16, [LK_BF16] = product_bf16,
        [LK_Q4_0] = product_q4_0, [LK_Q4_1] = product_q4_1, [LK_Q5_0] = product_q5_0, [LK_Q5_1] = product_q5_1,
        [LK_Q8_0] = product_q8_0, [LK_Q4_K] = product_q4_k, [LK_Q5_K] = product_q5_k, [LK_Q6_K] = product_q6_k,
    },
    .gemm = {
        .panel = PANEL, .lanes = LANES, .range = 192, .bytes = gemm_bytes, .pack = gemm_pack, .product = gemm_product,
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
