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
#define EACH(I, N) _Pragma("clang loop unroll(full)") for (size_t I = 0; I < (N); I++)

/// Two blocks of activations: digits, and the scale of the first block eight times, then that of the second.
typedef struct {
    int8_t a[64], b[64], c[64];
    float scale[16];
} pair;

/// The activations of a product: pairs of blocks, then sums of the activations themselves for what a weight's zero adds.
typedef struct {
    const pair *pairs;
    const float *sums;   // [blocks], a block's sum
    const float *halves; // [2 blocks]: the sums of a block's halves
    size_t blocks;
} activations;

static size_t pairs_of(size_t columns) { return (columns / BLOCK + 1) / 2; }

static size_t single_bytes(size_t columns) { return pairs_of(columns) * (sizeof(pair) + (2 + 4) * sizeof(float)); }

static activations parts(const void *packed, size_t columns) {
    const size_t pairs = pairs_of(columns);
    activations x = {.pairs = packed, .blocks = columns / BLOCK};
    x.sums = (const float *)(x.pairs + pairs);
    x.halves = x.sums + 2 * pairs;
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
        for (size_t i = 0; i < 8; i++) out->scale[8 * (block % 2) + i] = scale;
        // Of the whole numbers, not of what they stand for: a weight's zero takes away exactly what was multiplied too much.
        const float first = scale * (float)_mm512_reduce_add_epi32(n), second = scale * (float)_mm512_reduce_add_epi32(m);
        float *halves = (float *)to.halves + 2 * block;
        ((float *)to.sums)[block] = first + second;
        halves[0] = first;
        halves[1] = second;
    }
}

// Blocks of 32: a block of each of 16 rows at a time, a row in each quarter of a vector, where its scale and its sum stay. What
// comes of the activations is spread over the quarters once for all of them, which takes Zen 4 as long as multiplying.
#define FOURS 4

/// A block of the activations.
typedef struct {
    const int8_t *digits[3];
    float scale, sum;
} block;

INLINE block block_of(activations x, size_t b) {
    const pair *p = x.pairs + b / 2;
    const size_t at = 32 * (b % 2);
    return (block){.digits = {p->a + at, p->b + at, p->c + at}, .scale = p->scale[8 * (b % 2)], .sum = x.sums[b]};
}

/// A place in each of four rows: where it is in the first, and how far from there in the others.
typedef struct {
    const uint8_t *first;
    size_t second, third, fourth;
} four;

/// In rows `first`, `first` + 1 ... of `rows`; where there are fewer than four, the last one again.
INLINE four four_rows(const uint8_t *w, size_t row_bytes, size_t first, size_t rows) {
    const size_t left = rows - first - 1;
    return (four){w + first * row_bytes, (left < 1 ? left : 1) * row_bytes, (left < 2 ? left : 2) * row_bytes, (left < 3 ? left : 3) * row_bytes};
}

INLINE four further(four rows, size_t at) {
    rows.first += at;
    return rows;
}

/// 16 bytes of each of four rows.
INLINE __m512i four_of_16(four rows) {
    const __m128i *p[4] = {(const __m128i *)rows.first, (const __m128i *)(rows.first + rows.second),
                           (const __m128i *)(rows.first + rows.third), (const __m128i *)(rows.first + rows.fourth)};
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(p[0])), _mm_loadu_si128(p[1]), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(p[2])), _mm_loadu_si128(p[3]), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// 16 digits, for each of four rows.
INLINE __m512i for_rows(const int8_t *digits) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)digits)); }

/// The products of a block of nibbles with its digits, for each four rows.
INLINE void nibble_products(const four *rows, const size_t fours, block x, __m512 *products) {
    const __m512i fifteen = _mm512_set1_epi8(15);
    __m512i low[FOURS], high[FOURS], sum[FOURS];
    EACH(i, fours) {
        const __m512i bytes = four_of_16(rows[i]);
        low[i] = _mm512_and_si512(bytes, fifteen);
        high[i] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), fifteen);
        sum[i] = _mm512_setzero_si512();
    }
    EACH(digit, 3) {
        const __m512i first = for_rows(x.digits[digit]), second = for_rows(x.digits[digit] + 16);
        if (digit) EACH(i, fours) sum[i] = _mm512_slli_epi32(sum[i], 7);
        EACH(i, fours) sum[i] = _mm512_dpbusd_epi32(sum[i], low[i], first);
        EACH(i, fours) sum[i] = _mm512_dpbusd_epi32(sum[i], high[i], second);
    }
    EACH(i, fours) products[i] = _mm512_cvtepi32_ps(sum[i]);
}

/// The same of signed bytes, 128 more than they are; halves of a block apart, since the sum of both may need 32 bits.
INLINE void byte_products(const four *rows, const size_t fours, block x, __m512 *products) {
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    __m512i low[FOURS], high[FOURS], sum[FOURS], more[FOURS];
    EACH(i, fours) {
        low[i] = _mm512_xor_si512(four_of_16(rows[i]), sign);
        high[i] = _mm512_xor_si512(four_of_16(further(rows[i], 16)), sign);
        sum[i] = more[i] = _mm512_setzero_si512();
    }
    EACH(digit, 3) {
        const __m512i first = for_rows(x.digits[digit]), second = for_rows(x.digits[digit] + 16);
        EACH(i, fours) {
            if (digit) sum[i] = _mm512_slli_epi32(sum[i], 7), more[i] = _mm512_slli_epi32(more[i], 7);
            sum[i] = _mm512_dpbusd_epi32(sum[i], low[i], first);
            more[i] = _mm512_dpbusd_epi32(more[i], high[i], second);
        }
    }
    EACH(i, fours) products[i] = _mm512_add_ps(_mm512_cvtepi32_ps(sum[i]), _mm512_cvtepi32_ps(more[i]));
}

/// What four rows' steps are worth in a block, and what is added for each of its activations, in steps of ZERO.
typedef struct {
    __m128 steps, zeros;
} worth;

/// Of blocks that begin with a scale.
INLINE worth scales(four rows) {
    const uint8_t *p = rows.first;
    const uint64_t a = read_u16(p), b = read_u16(p + rows.second), c = read_u16(p + rows.third), e = read_u16(p + rows.fourth);
    const __m128 d = _mm_cvtph_ps(_mm_cvtsi64_si128((long long)(a | b << 16 | c << 32 | e << 48)));
    return (worth){d, d};
}

/// Of blocks that begin with a scale and a minimum.
INLINE worth scales_and_minimums(four rows) {
    const uint8_t *p = rows.first;
    const uint64_t a = read_u32(p), b = read_u32(p + rows.second), c = read_u32(p + rows.third), e = read_u32(p + rows.fourth);
    const __m256 all = _mm256_cvtph_ps(_mm_set_epi64x((long long)(c | e << 32), (long long)(a | b << 32)));
    const __m128 low = _mm256_castps256_ps128(all), high = _mm256_extractf128_ps(all, 1);
    return (worth){_mm_shuffle_ps(low, high, 0x88), _mm_shuffle_ps(low, high, 0xdd)};
}

/// Each row's number in all of its quarter.
INLINE __m512 spread(__m128 numbers) {
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), _mm512_castps128_ps512(numbers));
}

/// The sums of a vector's quarters.
INLINE __m128 sums_of_quarters(__m512 v) {
    v = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
    v = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, v));
}

/// Weights that are asked for while others are multiplied.
typedef struct {
    const uint8_t *at;
    int near; // whether the first-level cache has room for them
} asked;

/// What follows the tile at `w`, at least 2,048 bytes ahead, one line after another, as memory gives them soonest.
INLINE asked asked_next(const uint8_t *w, size_t row_bytes, size_t rows) {
    const size_t tile = rows * row_bytes;
    const int near = tile <= 8192;
    return (asked){.at = w + (near && tile >= 2048 ? tile : 2 * tile), .near = near};
}

INLINE void ask(asked *next, size_t bytes) {
    for (size_t at = 0; at < bytes; at += 64) {
        if (next->near) __builtin_prefetch(next->at + at, 0, 3);
        else __builtin_prefetch(next->at + at, 0, 2);
    }
    next->at += bytes;
}

INLINE void write_rows(__m128 sums, size_t rows, const float *bias, float *out) {
    const __mmask8 wanted = rows < 4 ? (__mmask8)((1u << rows) - 1) : 15;
    if (bias) sums = _mm_add_ps(sums, _mm_maskz_loadu_ps(wanted, bias));
    _mm_mask_storeu_ps(out, wanted, sums);
}

// FIRST: where a block's weights begin. ZERO: what an unsigned weight stands for less, in steps.
#define DEFINE_BLOCKS(TYPE, BYTES, FIRST, WORTH, PRODUCTS, ZERO) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, const size_t fours, \
                            size_t rows) { \
        four row[FOURS]; \
        __m512 sum[FOURS]; \
        __m128 zeros[FOURS]; \
        EACH(i, fours) { \
            row[i] = four_rows(w, row_bytes, 4 * i, rows); \
            sum[i] = _mm512_setzero_ps(); \
            zeros[i] = _mm_setzero_ps(); \
        } \
        asked next = asked_next(w, row_bytes, 4 * fours); \
        for (size_t b = 0; b < x.blocks; b++) { \
            const block values = block_of(x, b); \
            four weights[FOURS]; \
            __m512 products[FOURS]; \
            ask(&next, 4 * fours * BYTES); \
            EACH(i, fours) { \
                /* Hidden from the compiler, which would rather keep 16 addresses than four. */ \
                __asm__("" : "+r"(row[i].first)); \
                weights[i] = further(row[i], FIRST); \
            } \
            PRODUCTS(weights, fours, values, products); \
            EACH(i, fours) { \
                const worth of = WORTH(row[i]); \
                zeros[i] = _mm_fmadd_ps(of.zeros, _mm_set1_ps(values.sum), zeros[i]); \
                /* In this order, so that what one activation alone takes of a weight is exact. */ \
                sum[i] = _mm512_fmadd_ps(_mm512_mul_ps(products[i], _mm512_set1_ps(values.scale)), spread(of.steps), sum[i]); \
                row[i].first += BYTES; \
            } \
        } \
        EACH(i, fours) \
            write_rows(_mm_fmadd_ps(_mm_set1_ps(ZERO), zeros[i], sums_of_quarters(sum[i])), rows - 4 * i, \
                       bias ? bias + 4 * i : NULL, out + 4 * i); \
    } \
    static void single_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, \
                              const float *bias, float *out) { \
        const activations x = parts(packed, columns); \
        const uint8_t *w = weights; \
        size_t r = 0; \
        for (; r + 4 * FOURS <= rows; r += 4 * FOURS) \
            tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, FOURS, 4 * FOURS); \
        for (; r < rows; r += 4) tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, 1, rows - r); \
    }

DEFINE_BLOCKS(q4_0, Q4_0_BYTES, 2, scales, nibble_products, -8)
DEFINE_BLOCKS(q4_1, Q4_1_BYTES, 4, scales_and_minimums, nibble_products, 1)
DEFINE_BLOCKS(q8_0, Q8_0_BYTES, 2, scales, byte_products, -128)

// Super-blocks of 256, each row by itself.
#define SUPER_ROWS 4

/// Products of the weights of two blocks, unsigned bytes, with a pair of blocks of activations, four at a time.
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

/// The sums of four vectors' lanes.
INLINE __m128 sums_of_rows(const __m512 *v) {
    const __m512 a = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    const __m512 b = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    const __m512 all = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    const __m256 two = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    return _mm_add_ps(_mm256_castps256_ps128(two), _mm256_extractf128_ps(two, 1));
}

// Each adds the products of super-block `s` of a row to `sum`, and what the zeros add to `zeros`.

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
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, activations x, const float *bias, float *out, size_t rows) { \
        const uint8_t *row[SUPER_ROWS]; \
        __m512 sum[SUPER_ROWS], zeros[SUPER_ROWS]; \
        EACH(r, SUPER_ROWS) { \
            row[r] = w + (r < rows ? r : rows - 1) * row_bytes; \
            sum[r] = zeros[r] = _mm512_setzero_ps(); \
        } \
        asked next = asked_next(w, row_bytes, SUPER_ROWS); \
        for (size_t s = 0; s < x.blocks / 8; s++) { \
            ask(&next, SUPER_ROWS * BYTES); \
            EACH(r, SUPER_ROWS) add_##TYPE(row[r], s, x, &sum[r], &zeros[r]); \
        } \
        EACH(r, SUPER_ROWS) sum[r] = _mm512_add_ps(sum[r], zeros[r]); \
        write_rows(sums_of_rows(sum), rows, bias, out); \
    } \
    static void single_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, \
                              const float *bias, float *out) { \
        const activations x = parts(packed, columns); \
        const uint8_t *w = weights; \
        for (size_t r = 0; r < rows; r += SUPER_ROWS) \
            tile_##TYPE(w + r * row_bytes, row_bytes, x, bias ? bias + r : NULL, out + r, rows - r); \
    }

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
