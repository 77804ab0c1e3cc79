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

/// Two blocks of activations: digits, and the scale of the first block eight times, then that of the second.
typedef struct {
    int8_t a[64], b[64], c[64];
    float scale[16];
    float nibble_scale[16]; // a sixteenth of it for a block's second half, whose weights are high nibbles where they are
} pair;

/// The activations of a product: pairs of blocks, then sums of the activations themselves for what a weight's zero adds.
typedef struct {
    const pair *pairs;
    const float *sums;   // [blocks], a block's sum
    const float *odd;    // [2 blocks]: 0, and a block's sum
    const float *halves; // [2 blocks]: the sums of a block's halves
    size_t blocks;
} activations;

static size_t pairs_of(size_t columns) { return (columns / BLOCK + 1) / 2; }

static size_t single_bytes(size_t columns) { return pairs_of(columns) * (sizeof(pair) + (2 + 4 + 4) * sizeof(float)); }

static activations parts(const void *packed, size_t columns) {
    const size_t pairs = pairs_of(columns);
    activations x = {.pairs = packed, .blocks = columns / BLOCK};
    x.sums = (const float *)(x.pairs + pairs);
    x.odd = x.sums + 2 * pairs;
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
        ((float *)to.sums)[to.blocks] = 0;
        memset((float *)to.odd + 2 * to.blocks, 0, 2 * sizeof(float));
        memset((float *)to.halves + 2 * to.blocks, 0, 2 * sizeof(float));
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
        for (size_t i = 0; i < 8; i++) {
            out->scale[8 * (block % 2) + i] = scale;
            out->nibble_scale[8 * (block % 2) + i] = i < 4 ? scale : scale / 16;
        }
        // Of the whole numbers, not of what they stand for: a weight's zero takes away exactly what was multiplied too much.
        const float first = scale * (float)_mm512_reduce_add_epi32(n), second = scale * (float)_mm512_reduce_add_epi32(m);
        float *odd = (float *)to.odd + 2 * block, *halves = (float *)to.halves + 2 * block;
        ((float *)to.sums)[block] = odd[1] = first + second;
        odd[0] = 0;
        halves[0] = first;
        halves[1] = second;
    }
}

/// Products of the weights of two blocks, unsigned bytes, with two blocks of activations, four at a time. A weight may be 15 times
/// 16: the sum still has 31 bits.
INLINE __m512 integers(__m512i w, const pair *x, const float *scale) {
    __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), w, _mm512_loadu_si512(x->a));
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 7), w, _mm512_loadu_si512(x->b));
    sum = _mm512_dpbusd_epi32(_mm512_slli_epi32(sum, 7), w, _mm512_loadu_si512(x->c));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale));
}

/// Low nibbles in the lower half of each part of 32 bytes, high ones in the upper.
INLINE __m512i nibbles(__m512i bytes, __m512i shifts) {
    return _mm512_and_si512(_mm512_srlv_epi64(bytes, shifts), _mm512_set1_epi8(15));
}

INLINE __m512i two_of_16(const uint8_t *p, size_t bytes, int both) {
    const __m512i first = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
    return both ? _mm512_mask_broadcast_i32x4(first, 0xff00, _mm_loadu_si128((const __m128i *)(p + bytes))) : first;
}

INLINE __m512i two_of_32(const uint8_t *p, size_t bytes, int both) {
    const __m512i first = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
    return both ? _mm512_mask_broadcast_i64x4(first, 0xf0, _mm256_loadu_si256((const __m256i *)(p + bytes))) : first;
}

/// The nibbles of two blocks, the high ones where they are: 16 times what they stand for.
INLINE __m512i nibbles_in_place(const uint8_t *p, size_t bytes, int both) {
    const long long low = 0x0f0f0f0f0f0f0f0f, high = (long long)0xf0f0f0f0f0f0f0f0;
    return _mm512_and_si512(two_of_16(p, bytes, both), _mm512_set4_epi64(high, high, low, low));
}

// Blocks of 32, two of each of four rows at a time. Rows' scales come through whole registers: those of vectors are busy.

/// The scales of blocks 2 p and, with `both`, 2 p + 1 of four rows, one after another in the lower half.
INLINE __m512 scales_of_rows(const uint8_t *const *row, size_t at, size_t bytes, int both) {
    uint64_t words[ROWS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)
        words[r] = read_u16(row[r] + at) | (both ? (uint64_t)read_u16(row[r] + at + bytes) << 16 : 0);
    const __m128i halves = _mm_set_epi64x((long long)(words[2] | words[3] << 32), (long long)(words[0] | words[1] << 32));
    return _mm512_zextps256_ps512(_mm256_cvtph_ps(halves));
}

/// Scales and minimums: a row's four lie together.
INLINE __m512 scales_and_minimums(const uint8_t *const *row, size_t at, size_t bytes, int both) {
    uint64_t words[ROWS];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)
        words[r] = read_u32(row[r] + at) | (both ? (uint64_t)read_u32(row[r] + at + bytes) << 32 : 0);
    return _mm512_cvtph_ps(_mm256_set_epi64x((long long)words[3], (long long)words[2], (long long)words[1], (long long)words[0]));
}

/// The scale at `first` eight times, then that at `second`.
INLINE __m512 spread(__m512 scales, int first, int second) {
    const int a = first, b = second;
    return _mm512_permutexvar_ps(_mm512_setr_epi32(a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b), scales);
}

/// The sums of blocks 2 p and 2 p + 1, again and again.
INLINE __m512 both_sums(activations x, size_t p) {
    int64_t both;
    memcpy(&both, x.sums + 2 * p, sizeof both);
    return _mm512_castsi512_ps(_mm512_set1_epi64(both));
}

// Each adds the products of blocks 2 p and, with `both`, 2 p + 1 to the rows' sums, and what the weights' zeros add to `zeros`.

INLINE void add_q4_0(const uint8_t *const *row, size_t p, int both, activations x, __m512 *sum, __m512 *zeros) {
    const size_t at = 2 * p * Q4_0_BYTES;
    const __m512 d = scales_of_rows(row, at, Q4_0_BYTES, both);
    *zeros = _mm512_fmadd_ps(d, both_sums(x, p), *zeros);
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) {
        const __m512i w = nibbles_in_place(row[r] + at + 2, Q4_0_BYTES, both);
        sum[r] = _mm512_fmadd_ps(integers(w, x.pairs + p, x.pairs[p].nibble_scale), spread(d, 2 * r, 2 * r + 1), sum[r]);
    }
}

INLINE void add_q4_1(const uint8_t *const *row, size_t p, int both, activations x, __m512 *sum, __m512 *zeros) {
    const size_t at = 2 * p * Q4_1_BYTES;
    const __m512 d = scales_and_minimums(row, at, Q4_1_BYTES, both);
    *zeros = _mm512_fmadd_ps(d, _mm512_broadcast_f32x4(_mm_loadu_ps(x.odd + 4 * p)), *zeros);
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) {
        const __m512i w = nibbles_in_place(row[r] + at + 4, Q4_1_BYTES, both);
        sum[r] = _mm512_fmadd_ps(integers(w, x.pairs + p, x.pairs[p].nibble_scale), spread(d, 4 * r, 4 * r + 2), sum[r]);
    }
}

INLINE void add_q8_0(const uint8_t *const *row, size_t p, int both, activations x, __m512 *sum, __m512 *zeros) {
    const size_t at = 2 * p * Q8_0_BYTES;
    const __m512 d = scales_of_rows(row, at, Q8_0_BYTES, both);
    *zeros = _mm512_fmadd_ps(d, both_sums(x, p), *zeros);
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) {
        const __m512i w = _mm512_xor_si512(two_of_32(row[r] + at + 2, Q8_0_BYTES, both), _mm512_set1_epi8((char)0x80));
        sum[r] = _mm512_fmadd_ps(integers(w, x.pairs + p, x.pairs[p].scale), spread(d, 2 * r, 2 * r + 1), sum[r]);
    }
}

/// The sums of four vectors' lanes.
INLINE __m128 sums_of_rows(const __m512 *v) {
    const __m512 a = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    const __m512 b = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    const __m512 all = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    const __m256 two = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(two), _mm256_extractf128_ps(two, 1));
}

/// The sums of a row's lanes, of which there are two in the lower half, or four.
INLINE __m128 zeros_of_rows(__m512 v, int lanes) {
    v = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));
    if (lanes == 4) v = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
    const int step = lanes;
    return _mm512_castps512_ps128(
        _mm512_permutexvar_ps(_mm512_setr_epi32(0, step, 2 * step, 3 * step, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), v));
}

/// The rows of a tile; where there are fewer, the last one again.
INLINE void rows_of_tile(const uint8_t *w, size_t row_bytes, size_t rows, const uint8_t **row) {
    for (size_t r = 0; r < ROWS; r++) row[r] = w + (r < rows ? r : rows - 1) * row_bytes;
}

INLINE void write_rows(__m128 sums, size_t rows, const float *bias, float *out) {
    const __mmask8 wanted = (__mmask8)((1u << rows) - 1);
    if (bias) sums = _mm_add_ps(sums, _mm_maskz_loadu_ps(wanted, bias));
    _mm_mask_storeu_ps(out, wanted, sums);
}

// ZERO: what an unsigned weight stands for less, in steps. LANES: of a row's zeros.
#define DEFINE_BLOCKS(TYPE, BYTES, ZERO, LANES) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, size_t rows) { \
        const uint8_t *row[ROWS]; \
        rows_of_tile(w, row_bytes, rows, row); \
        __m512 sum[ROWS], zeros = _mm512_setzero_ps(); \
        for (int r = 0; r < ROWS; r++) sum[r] = _mm512_setzero_ps(); \
        const size_t pairs = x.blocks / 2, ahead = prefetch_distance(row_bytes, ROWS); \
        for (size_t p = 0; p < pairs; p++) { \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) \
                __builtin_prefetch(row[r] + 2 * p * BYTES + ahead); \
            add_##TYPE(row, p, 1, x, sum, &zeros); \
        } \
        if (x.blocks % 2) add_##TYPE(row, pairs, 0, x, sum, &zeros); \
        const __m128 zero = _mm_mul_ps(_mm_set1_ps(ZERO), zeros_of_rows(zeros, LANES)); \
        write_rows(_mm_add_ps(sums_of_rows(sum), zero), rows, bias, out); \
    } \
    DEFINE_PRODUCT(TYPE)

#define DEFINE_PRODUCT(TYPE) \
    static void single_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, \
                              const float *bias, float *out) { \
        const activations x = parts(packed, columns); \
        const uint8_t *w = weights; \
        for (size_t r = 0; r < rows; r += ROWS) \
            tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, rows - r < ROWS ? rows - r : ROWS); \
    }

DEFINE_BLOCKS(q4_0, Q4_0_BYTES, -8, 2)
DEFINE_BLOCKS(q4_1, Q4_1_BYTES, 1, 4)
DEFINE_BLOCKS(q8_0, Q8_0_BYTES, -128, 2)

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
        *sum = _mm512_fmadd_ps(integers(q, x.pairs + 4 * s + j, x.pairs[4 * s + j].scale), _mm512_permutexvar_ps(index, scales), *sum);
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
        *sum = _mm512_fmadd_ps(integers(q, x.pairs + 4 * s + j, x.pairs[4 * s + j].scale), _mm512_permutexvar_ps(index, scales), *sum);
    }
}

#define DEFINE_SUPER_BLOCKS(TYPE, BYTES) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, size_t rows) { \
        const uint8_t *row[ROWS]; \
        rows_of_tile(w, row_bytes, rows, row); \
        __m512 sum[ROWS], zeros[ROWS]; \
        for (int r = 0; r < ROWS; r++) sum[r] = zeros[r] = _mm512_setzero_ps(); \
        const size_t ahead = prefetch_distance(row_bytes, ROWS); \
        for (size_t s = 0; s < x.blocks / 8; s++) \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) { \
                for (size_t line = 0; line < BYTES; line += 64) __builtin_prefetch(row[r] + s * BYTES + line + ahead); \
                add_##TYPE(row[r], s, x, &sum[r], &zeros[r]); \
            } \
        for (int r = 0; r < ROWS; r++) sum[r] = _mm512_add_ps(sum[r], zeros[r]); \
        write_rows(sums_of_rows(sum), rows, bias, out); \
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
