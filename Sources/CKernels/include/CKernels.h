#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The loops that BLAS does not have: products with quantised weights, norms, softmax, activations.
// Each exists as a plain loop (reference.c) and once per instruction set; a table of them is chosen at run time.

/// How the elements of a weight are stored. The quantised layouts are those of GGUF.
typedef enum {
    LK_F32, LK_F16, LK_BF16, LK_F64, LK_I8, LK_U8, LK_I32, LK_I64, LK_BOOL,
    LK_Q4_0, LK_Q4_1, LK_Q5_0, LK_Q5_1, LK_Q8_0, LK_Q4_K, LK_Q5_K, LK_Q6_K,
    LK_TYPE_COUNT
} lk_type;

/// Writes `count` elements at `source` to `out` as float32. `count` is a multiple of the type's block.
typedef void (*lk_widen_fn)(const void *source, float *out, size_t count);

/// out[t * out_stride + r] = w_r · x_t + (bias ? bias[r] : 0) for r < rows, t < tokens.
/// Row w_r starts at weights + r * row_bytes and has `columns` elements; x_t starts at x + t * x_stride.
typedef void (*lk_product_fn)(const void *weights, size_t row_bytes, size_t rows, size_t columns,
                              const float *x, size_t x_stride, size_t tokens, const float *_Nullable bias,
                              float *out, size_t out_stride);

/// Products of many tokens with float32 weights: x is packed once, in panels of tokens, and stays in the caches while the
/// weights pass. A token's result does not depend on the tokens beside it.
typedef struct {
    /// Tokens of a panel; the last one may have fewer.
    size_t panel;
    /// Of a panel of a result there are a multiple of so many; those too many are to be ignored.
    size_t lanes;
    /// About as many tokens as one thread should multiply by the same weights.
    size_t range;
    /// Bytes that x[tokens][columns] takes when packed; where a panel begins if `tokens` is a multiple of it.
    size_t (*bytes)(size_t tokens, size_t columns);
    /// Packs one panel of x, whose row t starts at x + t * x_stride, to its place in `packed`, which is aligned to 64.
    void (*pack)(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed);
    /// out[t * out_stride + r] (+)= scale * sum over k of w[r * row_step + k * column_step] * x[t][k] + (bias ? bias[r] : 0)
    void (*product)(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const void *packed,
                    size_t tokens, float scale, const float *_Nullable bias, float *out, size_t out_stride, int adding);
    /// The same without a scale, to columns first_row ..< first_row + rows of a result for the next product: panels of its tokens
    /// (as many as `lanes` says), column by column; what is a row of weights here is a column there.
    void (*product_packed)(const float *w, size_t row_step, size_t rows, size_t columns, const void *packed, size_t tokens,
                           const float *_Nullable bias, float *out, size_t out_columns, size_t first_row);
    /// Packs one panel of such a result, aligned to 64, to its place in `packed`. NULL where a result is packed as it is.
    void (*_Nullable pack_result)(const float *result, size_t columns, size_t panel, void *packed);
    /// Multiplies and adds in registers, `rounds` times as many vectors as fill them, and gives the number of operations: the
    /// most that one thread can do of products with float32 weights.
    double (*multiply_registers)(size_t rounds, float *sink);
} lk_gemm;

/// A head's keys and values, and how queries see them: the first `seen` of them, and each query one more than the one before
/// it if `causal`.
typedef struct {
    const float *keys;
    size_t key_stride;
    const float *values;
    size_t value_stride;
    /// Elements of a key and of a value.
    size_t size;
    size_t seen;
    int causal;
    /// Of the scores, above 0.
    float scale;
    /// Of the result.
    float factor;
    /// Whether the result is added to what is there.
    int adding;
} lk_attention;

/// out[t * out_stride + r] = w_r · x_t + (bias ? bias[r] : 0) for r < rows, t < tokens, x packed as lk_integer says.
typedef void (*lk_integer_fn)(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, size_t tokens,
                              const float *_Nullable bias, float *out, size_t out_stride);

/// Products with quantised weights in integers: x is packed once, in panels of tokens, then multiplied by as many weights as
/// there are. A token's result does not depend on the tokens beside it, to the last bit.
typedef struct {
    /// Tokens of a panel; the last one may have fewer.
    size_t panel;
    /// Bytes that x[tokens][columns] takes when packed, columns a multiple of 32. NULL, like all here, for a table without such
    /// products.
    size_t (*_Nullable bytes)(size_t tokens, size_t columns);
    /// Packs one panel of x, whose row t starts at x + t * x_stride, to its place in `packed`.
    void (*_Nullable pack)(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed);
    /// NULL for a type that has none.
    lk_integer_fn _Nullable product[LK_TYPE_COUNT];
    /// As lk_gemm's: a weight by an activation is two operations.
    double (*_Nullable multiply_registers)(size_t rounds, float *sink);
} lk_integer;

/// A function of each of n elements; out may be x.
typedef void (*lk_map_fn)(const float *x, float *out, size_t n);

/// The numbers of an AdamW step: w -= rate * (m' / (sqrt(v') + eps) + decay * w), where m' = m * m_scale and
/// v' = v * v_scale undo the bias of the running means, and g is multiplied by g_scale (clipping) first.
typedef struct {
    float rate, beta1, beta2, eps, decay, g_scale, m_scale, v_scale;
} lk_adamw;

typedef struct {
    const char *name;
    /// NULL for a type that only the plain loops widen: ask lk_widen.
    lk_widen_fn _Nullable widen[LK_TYPE_COUNT];
    /// NULL for a type without a fused product: widen the rows and use the one for LK_F32.
    lk_product_fn _Nullable product[LK_TYPE_COUNT];
    lk_gemm gemm;
    lk_integer integer;
    /// Elements of scratch, aligned to 64 bytes, that attend needs for heads of `size` and at most `keys` keys.
    size_t (*attend_floats)(size_t size, size_t keys);
    /// out[t] (+)= factor * softmax(scale * keys · q_t) · values for t < tokens; a query's result does not depend on the others.
    void (*attend)(const lk_attention *a, const float *q, size_t q_stride, size_t tokens, float *scratch, float *out,
                   size_t out_stride);

    float (*dot)(const float *a, const float *b, size_t n);
    /// y += alpha x
    void (*axpy)(float alpha, const float *x, float *y, size_t n);
    /// out = a + b (out may be a or b)
    void (*add)(const float *a, const float *b, float *out, size_t n);
    /// out = a * b (out may be a or b)
    void (*multiply)(const float *a, const float *b, float *out, size_t n);
    /// out[i] = scale * (q · keys[i * stride ...]) for i < count
    void (*scores)(const float *q, const float *keys, size_t stride, size_t count, size_t n, float scale, float *out);
    /// out[d] += sum over i < count of weights[i] * values[i * stride + d]
    void (*weighted_sum)(const float *weights, const float *values, size_t stride, size_t count, size_t n, float *out);

    /// Turns the pairs (x[2i], x[2i + 1]) by the angle whose cosine is turn[2i] and whose sine is sign * turn[2i + 1]; n is even
    void (*rotate)(float *x, const float *turn, float sign, size_t n);
    /// x = exp(x - max x) / sum; n = 0 does nothing
    void (*softmax)(float *x, size_t n);
    /// out = x * weight / sqrt(mean(x^2) + eps)
    void (*rms_norm)(const float *x, const float *weight, float eps, float *out, size_t n);
    /// out = (x - mean) / sqrt(variance + eps) * weight + bias
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float eps, float *out, size_t n);
    lk_map_fn exp;
    /// out = silu(gate) * up, silu(v) = v / (1 + exp(-v))
    void (*silu_multiply)(const float *gate, const float *up, float *out, size_t n);
    /// out = x / (1 + exp(-x))
    lk_map_fn silu;
    /// out = x / (1 + exp(-1.702 x))
    lk_map_fn quick_gelu;
    /// out = x/2 (1 + erf(x / sqrt 2))
    lk_map_fn gelu;

    // Backward: each takes the gradient of the loss in what the loop above wrote, and gives that in what it read.

    /// dp = p * (dp - p · dp), in place; p is a softmax's result
    void (*softmax_backward)(const float *p, float *dp, size_t n);
    /// dx += gradient through rms_norm; dweight (if any) += gradient in the weight
    void (*rms_norm_backward)(const float *x, const float *weight, float eps, const float *dy, float *dx,
                              float *_Nullable dweight, size_t n);
    /// dx += gradient through layer_norm; dweight and dbias (both or none) += gradients in weight and bias
    void (*layer_norm_backward)(const float *x, const float *weight, float eps, const float *dy, float *dx,
                                float *_Nullable dweight, float *_Nullable dbias, size_t n);
    /// dgate and dup from dy; dup may be dy
    void (*silu_multiply_backward)(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n);
    /// dx = dy * gelu'(x) (dx may be dy)
    void (*gelu_backward)(const float *x, const float *dy, float *dx, size_t n);
    /// One step of AdamW (arXiv 1711.05101) on a weight, its gradient g and the running means m of g and v of g².
    void (*adamw)(float *w, const float *g, float *m, float *v, size_t n, lk_adamw step);
} lk_kernels;

/// Plain loops; always there.
extern const lk_kernels lk_scalar;

/// The table named "scalar", "avx2", "avx512", "vnni" or "amx"; NULL if the name is unknown or this CPU cannot run it.
const lk_kernels *_Nullable lk_kernels_named(const char *name);

/// The fastest table that this CPU can run.
const lk_kernels *lk_kernels_best(void);

static inline lk_widen_fn lk_widen(const lk_kernels *k, lk_type type) {
    return k->widen[type] ? k->widen[type] : lk_scalar.widen[type];
}
static inline lk_product_fn _Nullable lk_product(const lk_kernels *k, lk_type type) { return k->product[type]; }
static inline lk_integer_fn _Nullable lk_integer_product(const lk_kernels *k, lk_type type) { return k->integer.product[type]; }

/// Whether this CPU multiplies bfloat16 (AVX512-BF16); without, lk_bf16_product must not be called.
int lk_has_bf16(void);

/// Bytes that b[n][k] takes when packed.
size_t lk_bf16_packed_bytes(size_t n, size_t k);

/// Rounds b to bfloat16 and packs it for lk_bf16_product: element (c, i) of n columns and k terms is at
/// b[c * column_stride + i * k_stride].
void lk_bf16_pack(const float *b, size_t column_stride, size_t k_stride, size_t n, size_t k, void *out);

/// Rounds x[rows][k] to bfloat16, rows of (k + 1) / 2 pairs.
void lk_bf16_narrow(const float *x, size_t rows, size_t k, void *out);

/// c[m][n] (+)= a · bᵀ for the columns of panels first ..< last (of 32): a narrowed, b packed, sums in float32.
/// A row's result does not depend on the other rows.
void lk_bf16_product(const void *a, size_t m, size_t n, size_t k, const void *b, size_t first, size_t last, float *c,
                     size_t ldc, int adding);

/// Writes `count` elements as halves, rounded to the nearest, ties to even. Returns 0 if one is no number or has no
/// finite half, and 1 otherwise.
int lk_narrow_f16(const float *x, void *out, size_t count);

/// Writes `count` elements, a multiple of 32, as Q8_0 or Q4_0 blocks, bit for bit as ggml's reference quantises. Returns 0
/// if an element is no number or a block's scale has no finite half, and 1 otherwise.
int lk_narrow_q8_0(const float *x, void *out, size_t count);
int lk_narrow_q4_0(const float *x, void *out, size_t count);

/// The sum of `bytes` / 64 · 8 words: reads memory as fast as one thread can.
uint64_t lk_read(const void *from, size_t bytes);

/// Tells the CPU that this thread waits in a loop.
static inline void lk_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#pragma clang assume_nonnull end
