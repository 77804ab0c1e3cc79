// AVX-512 VNNI: products of one token with quantised weights, in integers.
//
// Widening a weight in registers costs more than multiplying it. So the activations come to the weights instead: a block of 32
// becomes whole numbers of 22 bits and a scale, a number three signed digits of seven bits, and a block's product three
// integer products with the weights as they are stored. Nothing is lost on the way but what does not fit in 22 bits of a block's
// largest value, about what float32 sums lose.
//
//   x_i = s (2^14 a_i + 2^7 b_i + c_i),  sum of w_i x_i = s (2^7 (2^7 sum of w_i a_i + sum of w_i b_i) + sum of w_i c_i)
#include "formats.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))
#define ROWS 4
#define PREFETCH 2048

/// Two blocks of activations: digits, and the scale of the first block eight times, then that of the second.
typedef struct {
    int8_t a[64], b[64], c[64];
    float scale[16];
} pair;

/// The activations of a product: pairs of blocks, then sums of the activations themselves for what a weight's zero adds.
typedef struct {
    const pair *pairs;
    const float *even;   // [2 blocks]: a block's sum, and 0
    const float *odd;    // [2 blocks]: 0, and a block's sum
    const float *halves; // [2 blocks]: the sums of a block's halves
    size_t blocks;
} activations;

static size_t pairs_of(size_t columns) { return (columns / BLOCK + 1) / 2; }

static size_t single_bytes(size_t columns) { return pairs_of(columns) * (sizeof(pair) + 3 * 4 * sizeof(float)); }

static activations parts(const void *packed, size_t columns) {
    const size_t pairs = pairs_of(columns);
    activations x = {.pairs = packed, .blocks = columns / BLOCK};
    x.even = (const float *)(x.pairs + pairs);
    x.odd = x.even + 4 * pairs;
    x.halves = x.odd + 4 * pairs;
    return x;
}

/// The digits of 16 whole numbers.
INLINE void digits(__m512i n, int8_t *a, int8_t *b, int8_t *c) {
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(1 << 13)), 14);
    const __m512i rest = _mm512_sub_epi32(n, _mm512_slli_epi32(high, 14));
    const __m512i middle = _mm512_srai_epi32(_mm512_add_epi32(rest, _mm512_set1_epi32(1 << 6)), 7);
    _mm_storeu_si128((__m128i *)a, _mm512_cvtepi32_epi8(high));
    _mm_storeu_si128((__m128i *)b, _mm512_cvtepi32_epi8(middle));
    _mm_storeu_si128((__m128i *)c, _mm512_cvtepi32_epi8(_mm512_sub_epi32(rest, _mm512_slli_epi32(middle, 7))));
}

static void single_pack(const float *x, size_t columns, void *packed) {
    const activations to = parts(packed, columns);
    const float most = 127 << 14;
    if (to.blocks % 2) {
        // The half of the last pair that is no block: what memory held before might be no number, and 0 times that neither.
        memset((pair *)packed + to.blocks / 2, 0, sizeof(pair));
        const float *const sums[] = {to.even, to.odd, to.halves};
        for (size_t i = 0; i < 3; i++) memset((float *)sums[i] + 2 * to.blocks, 0, 2 * sizeof(float));
    }
    for (size_t block = 0; block < to.blocks; block++, x += BLOCK) {
        const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
        // As bits, so that what is no number is the largest.
        const __m512i size = _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(low)), _mm512_castps_si512(_mm512_abs_ps(high)));
        const uint32_t bits = _mm512_reduce_max_epu32(size);
        const float largest = float_of_bits(bits);
        // Where the largest is no number, or infinite, the scale carries that into the result.
        const float scale = bits >= 0x7f800000 ? float_of_bits(0x7fc00000) : largest < 1e-30f ? 0 : largest / most;
        const __m512 inverse = _mm512_set1_ps(scale > 0 ? most / largest : 0);
        pair *out = (pair *)packed + block / 2;
        const size_t at = 32 * (block % 2);
        const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse)), m = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
        digits(n, out->a + at, out->b + at, out->c + at);
        digits(m, out->a + at + 16, out->b + at + 16, out->c + at + 16);
        for (size_t i = 0; i < 8; i++) out->scale[8 * (block % 2) + i] = scale;
        // Of the whole numbers, not of what they stand for: a weight's zero takes away exactly what was multiplied too much.
        const float first = scale * (float)_mm512_reduce_add_epi32(n), second = scale * (float)_mm512_reduce_add_epi32(m);
        float *even = (float *)to.even + 2 * block, *odd = (float *)to.odd + 2 * block, *halves = (float *)to.halves + 2 * block;
        even[0] = odd[1] = first + second;
        even[1] = odd[0] = 0;
        halves[0] = first;
        halves[1] = second;
    }
}

/// Products of the weights of two blocks, unsigned bytes, with two blocks of activations, four at a time.
INLINE __m512 integers(__m512i w, const pair *x) {
    __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w, _mm512_loadu_si512(x->a));
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 7), w, _mm512_loadu_si512(x->b));
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 7), w, _mm512_loadu_si512(x->c));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(x->scale));
}

/// Low nibbles in the lower half of each part of 32 bytes, high ones in the upper.
INLINE __m512i nibbles(__m512i bytes, __m512i shifts) {
    return _mm512_and_si512(_mm512_srlv_epi64(bytes, shifts), _mm512_set1_epi8(15));
}

/// Two words of 32 bits as halves: four floats. Without a second block its words are zero.
INLINE __m128 two_words(const uint8_t *p, size_t bytes, int both, uint32_t mask) {
    __m128i words = _mm_cvtsi32_si128((int)(read_u32(p) & mask));
    if (both) words = _mm_insert_epi32(words, (int)(read_u32(p + bytes) & mask), 1);
    return _mm_cvtph_ps(words);
}

INLINE __m512 spread_evens(__m128 v) {
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2), _mm512_castps128_ps512(v));
}

INLINE __m512i two_of_16(const uint8_t *p, size_t bytes, int both) {
    const __m512i first = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
    return both ? _mm512_mask_broadcast_i32x4(first, 0xff00, _mm_loadu_si128((const __m128i *)(p + bytes))) : first;
}

INLINE __m512i two_of_32(const uint8_t *p, size_t bytes, int both) {
    const __m512i first = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
    return both ? _mm512_mask_broadcast_i64x4(first, 0xf0, _mm256_loadu_si256((const __m256i *)(p + bytes))) : first;
}

// Blocks of 32: adds the products of blocks 2 p and, with `both`, 2 p + 1 of a row to `sum`, and what the zeros add to `zeros`.

INLINE void add_q4_0(const uint8_t *row, size_t p, int both, activations x, __m512 *sum, __m128 *zeros) {
    const uint8_t *w = row + 2 * p * Q4_0_BYTES;
    const __m512i shifts = _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4);
    const __m128 d = two_words(w, Q4_0_BYTES, both, 0xffff);
    *sum = _mm512_fmadd_ps(integers(nibbles(two_of_16(w + 2, Q4_0_BYTES, both), shifts), x.pairs + p), spread_evens(d), *sum);
    *zeros = _mm_fmadd_ps(d, _mm_loadu_ps(x.even + 4 * p), *zeros);
}

INLINE void add_q4_1(const uint8_t *row, size_t p, int both, activations x, __m512 *sum, __m128 *zeros) {
    const uint8_t *w = row + 2 * p * Q4_1_BYTES;
    const __m512i shifts = _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4);
    const __m128 d = two_words(w, Q4_1_BYTES, both, 0xffffffff);
    *sum = _mm512_fmadd_ps(integers(nibbles(two_of_16(w + 4, Q4_1_BYTES, both), shifts), x.pairs + p), spread_evens(d), *sum);
    *zeros = _mm_fmadd_ps(d, _mm_loadu_ps(x.odd + 4 * p), *zeros);
}

INLINE void add_q8_0(const uint8_t *row, size_t p, int both, activations x, __m512 *sum, __m128 *zeros) {
    const uint8_t *w = row + 2 * p * Q8_0_BYTES;
    const __m128 d = two_words(w, Q8_0_BYTES, both, 0xffff);
    const __m512i bytes = _mm512_xor_si512(two_of_32(w + 2, Q8_0_BYTES, both), _mm512_set1_epi8((char)0x80));
    *sum = _mm512_fmadd_ps(integers(bytes, x.pairs + p), spread_evens(d), *sum);
    *zeros = _mm_fmadd_ps(d, _mm_loadu_ps(x.even + 4 * p), *zeros);
}

// ZERO: what an unsigned weight stands for less, in steps.
#define DEFINE_BLOCKS(TYPE, BYTES, ZERO) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, const int rows) { \
        __m512 sum[ROWS]; \
        __m128 zeros[ROWS]; \
        for (int r = 0; r < rows; r++) sum[r] = _mm512_setzero_ps(), zeros[r] = _mm_setzero_ps(); \
        const size_t pairs = x.blocks / 2; \
        for (size_t p = 0; p < pairs; p++) \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) { \
                const uint8_t *row = w + (size_t)r * row_bytes; \
                __builtin_prefetch(row + 2 * p * BYTES + PREFETCH); \
                add_##TYPE(row, p, 1, x, &sum[r], &zeros[r]); \
            } \
        for (int r = 0; r < rows; r++) { \
            if (x.blocks % 2) add_##TYPE(w + (size_t)r * row_bytes, pairs, 0, x, &sum[r], &zeros[r]); \
            zeros[r] = _mm_add_ps(zeros[r], _mm_movehl_ps(zeros[r], zeros[r])); \
            const float zero = _mm_cvtss_f32(_mm_add_ss(zeros[r], _mm_movehdup_ps(zeros[r]))); \
            out[r] = _mm512_reduce_add_ps(sum[r]) + (ZERO) * zero + (bias ? bias[r] : 0); \
        } \
    } \
    DEFINE_PRODUCT(TYPE)

#define DEFINE_PRODUCT(TYPE) \
    static void single_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, \
                              const float *bias, float *out) { \
        const activations x = parts(packed, columns); \
        const uint8_t *w = weights; \
        size_t r = 0; \
        for (; r + ROWS <= rows; r += ROWS) tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, ROWS); \
        for (; r < rows; r++) tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, 1); \
    }

DEFINE_BLOCKS(q4_0, Q4_0_BYTES, -8)
DEFINE_BLOCKS(q4_1, Q4_1_BYTES, 1)
DEFINE_BLOCKS(q8_0, Q8_0_BYTES, -128)

// Super-blocks of 256: adds the products of super-block `s` of a row to `sum`, and what the zeros add to `zeros`.

INLINE void add_q4_k(const uint8_t *row, size_t s, activations x, __m512 *sum, __m512 *zeros) {
    const uint8_t *w = row + s * Q4_K_BYTES;
    const __m128 d = _mm_cvtph_ps(_mm_cvtsi32_si128((int)read_u32(w)));
    uint8_t packed[16];
    for (int j = 0; j < 8; j++) scale_and_min(w + 4, j, &packed[j], &packed[8 + j]);
    const __m512 steps = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)packed)));
    const __m512 scales = _mm512_mul_ps(steps, _mm512_broadcastss_ps(d));
    // Minimums in the upper half, beside the blocks' sums.
    const __m512 mins = _mm512_mul_ps(steps, _mm512_broadcastss_ps(_mm_movehdup_ps(d)));
    const float *h = x.halves + 16 * s;
    const __m512 halves = _mm512_loadu_ps(h);
    const __m512 whole = _mm512_add_ps(halves, _mm512_permute_ps(halves, 0xb1));
    const __m512i upper = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 10, 12, 14);
    *zeros = _mm512_mask_sub_ps(*zeros, 0xff00, *zeros, _mm512_mul_ps(mins, _mm512_permutexvar_ps(upper, whole)));
    for (size_t j = 0; j < 4; j++) {
        const __m512i bytes = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(w + 16 + 32 * j)));
        const __m512i q = nibbles(bytes, _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4));
        const int a = (int)(2 * j), b = a + 1;
        const __m512i index = _mm512_setr_epi32(a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b);
        *sum = _mm512_fmadd_ps(integers(q, x.pairs + 4 * s + j), _mm512_permutexvar_ps(index, scales), *sum);
    }
}

INLINE void add_q6_k(const uint8_t *row, size_t s, activations x, __m512 *sum, __m512 *zeros) {
    const uint8_t *w = row + s * Q6_K_BYTES;
    uint32_t half = read_u16(w + 208);
    __asm__("" : "+r"(half));
    const __m512 d = _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128((int)half)));
    const __m512i steps = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(w + 192)));
    const __m512 scales = _mm512_mul_ps(d, _mm512_cvtepi32_ps(steps));
    *zeros = _mm512_fmadd_ps(scales, _mm512_mul_ps(_mm512_set1_ps(-32), _mm512_loadu_ps(x.halves + 16 * s)), *zeros);
    for (size_t j = 0; j < 4; j++) {
        // Parts of 32: two by low nibbles, two by high ones, for each half of the super-block.
        const uint8_t *low = w + 64 * (j / 2), *high = w + 128 + 32 * (j / 2);
        const long long nibble = 4 * (j % 2), bits = 4 * (j % 2);
        const __m512i lows = _mm512_and_si512(_mm512_srl_epi64(_mm512_loadu_si512(low), _mm_cvtsi64_si128(nibble)), _mm512_set1_epi8(15));
        const __m512i shifts = _mm512_setr_epi64(bits, bits, bits, bits, bits + 2, bits + 2, bits + 2, bits + 2);
        const __m512i highs = _mm512_and_si512(
            _mm512_srlv_epi64(_mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)high)), shifts), _mm512_set1_epi8(3));
        const __m512i q = _mm512_or_si512(lows, _mm512_slli_epi64(highs, 4));
        const int a = (int)(4 * j), b = a + 1, c = a + 2, e = a + 3;
        const __m512i index = _mm512_setr_epi32(a, a, a, a, b, b, b, b, c, c, c, c, e, e, e, e);
        *sum = _mm512_fmadd_ps(integers(q, x.pairs + 4 * s + j), _mm512_permutexvar_ps(index, scales), *sum);
    }
}

#define DEFINE_SUPER_BLOCKS(TYPE, BYTES) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, const int rows) { \
        __m512 sum[ROWS], zeros[ROWS]; \
        for (int r = 0; r < rows; r++) sum[r] = zeros[r] = _mm512_setzero_ps(); \
        for (size_t s = 0; s < x.blocks / 8; s++) \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) { \
                const uint8_t *row = w + (size_t)r * row_bytes; \
                for (size_t line = 0; line < BYTES; line += 64) __builtin_prefetch(row + s * BYTES + line + PREFETCH); \
                add_##TYPE(row, s, x, &sum[r], &zeros[r]); \
            } \
        for (int r = 0; r < rows; r++) out[r] = _mm512_reduce_add_ps(_mm512_add_ps(sum[r], zeros[r])) + (bias ? bias[r] : 0); \
    } \
    DEFINE_PRODUCT(TYPE)

DEFINE_SUPER_BLOCKS(q4_k, Q4_K_BYTES)
DEFINE_SUPER_BLOCKS(q6_k, Q6_K_BYTES)

#pragma clang attribute pop

const lk_single lk_vnni_single = {
    .bytes = single_bytes,
    .pack = single_pack,
    .product = {
        [LK_Q4_0] = single_q4_0, [LK_Q4_1] = single_q4_1, [LK_Q8_0] = single_q8_0,
        [LK_Q4_K] = single_q4_k, [LK_Q6_K] = single_q6_k,
    },
};
#endif
