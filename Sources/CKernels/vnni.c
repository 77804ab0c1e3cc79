// AVX-512 VNNI: products with quantised weights, in integers.
//
// Widening a weight in registers costs more than multiplying it. So the activations come to the weights instead: a block of 32
// becomes whole numbers of 22 bits and a scale, a number three signed digits of seven bits, and a block's product three
// integer products with the weights as they are stored. Nothing is lost on the way but what does not fit in 22 bits of a block's
// largest value, about what float32 sums lose.
//
//   x_i = s n_i,  n_i = 2^14 a_i + 2^7 b_i + c_i,  sum of w_i n_i = 2^7 (2^7 sum of w_i a_i + sum of w_i b_i) + sum of w_i c_i
//
// Sixteen rows of weights lie in the lanes of a vector, so that sums, scales and zeros of all of them take one instruction, and
// four digits of the activations are spread over the lanes as they are loaded. What a token gives does not depend on the tokens
// beside it: each has its own sums.
#include "formats.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))
#define EACH(I, N) _Pragma("clang loop unroll(full)") for (size_t I = 0; I < (N); I++)

/// Rows of weights of a tile.
#define ROWS 16
/// Most tokens of a tile.
#define TOKENS 8

/// A block of a token's activations, two lines of the cache; those of a panel's tokens lie together.
typedef struct {
    /// a, b and c of 32 activations.
    int8_t digits[3][BLOCK];
    /// -(sum of n) of the first half, the second half and the whole: what weights that are stored as larger than they are
    /// give too much.
    int32_t less[3];
    /// s, and s (sum of n).
    float scale, sum;
    int32_t unused[3];
} block;

static size_t integer_bytes(size_t tokens, size_t columns) { return tokens * (columns / BLOCK) * sizeof(block); }

/// The digits of 16 whole numbers.
INLINE void digits(__m512i n, int8_t *a, int8_t *b, int8_t *c) {
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(1 << 13)), 14);
    const __m512i rest = _mm512_sub_epi32(n, _mm512_slli_epi32(high, 14));
    const __m512i middle = _mm512_srai_epi32(_mm512_add_epi32(rest, _mm512_set1_epi32(1 << 6)), 7);
    _mm_storeu_si128((__m128i *)a, _mm512_cvtepi32_epi8(high));
    _mm_storeu_si128((__m128i *)b, _mm512_cvtepi32_epi8(middle));
    _mm_storeu_si128((__m128i *)c, _mm512_cvtepi32_epi8(_mm512_sub_epi32(rest, _mm512_slli_epi32(middle, 7))));
}

INLINE void pack_block(const float *x, block *out) {
    const float most = 127 << 14;
    const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
    // As bits, so that what is no number is the largest.
    const __m512i size = _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(low)), _mm512_castps_si512(_mm512_abs_ps(high)));
    const uint32_t bits = _mm512_reduce_max_epu32(size);
    const float largest = float_of_bits(bits);
    // Where the largest is no number, or infinite, the scale carries that into the result.
    const float scale = bits >= 0x7f800000 ? float_of_bits(0x7fc00000) : largest < 1e-30f ? 0 : largest / most;
    const __m512 inverse = _mm512_set1_ps(scale > 0 ? most / largest : 0);
    const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse)), m = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    digits(n, out->digits[0], out->digits[1], out->digits[2]);
    digits(m, out->digits[0] + 16, out->digits[1] + 16, out->digits[2] + 16);
    // Of the whole numbers, not of what they stand for: what is taken away is exactly what was multiplied too much.
    const int32_t first = _mm512_reduce_add_epi32(n), second = _mm512_reduce_add_epi32(m);
    out->less[0] = -first;
    out->less[1] = -second;
    out->less[2] = -(first + second);
    out->scale = scale;
    out->sum = scale * (float)(first + second);
}

static void integer_pack(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed) {
    const size_t blocks = columns / BLOCK, first = panel * TOKENS, width = tokens - first < TOKENS ? tokens - first : TOKENS;
    block *out = (block *)packed + first * blocks;
    for (size_t t = 0; t < width; t++)
        for (size_t b = 0; b < blocks; b++) pack_block(x + (first + t) * x_stride + b * BLOCK, out + b * width + t);
}

/// A place in each of sixteen rows: where it is in every fourth, and how far from there in the three that follow.
typedef struct {
    const uint8_t *fourth[4];
    size_t after[4][3];
} places;

/// In rows 0, 1 ... of `rows`; where there are fewer than 16, the last one again.
INLINE places places_of(const uint8_t *w, size_t row_bytes, size_t rows) {
    places p;
    EACH(i, 4) {
        const size_t first = 4 * i < rows ? 4 * i : rows - 1, left = rows - 1 - first;
        p.fourth[i] = w + first * row_bytes;
        EACH(j, 3) p.after[i][j] = (left < j + 1 ? left : j + 1) * row_bytes;
    }
    return p;
}

INLINE const uint8_t *place(const places *p, size_t row) {
    return p->fourth[row / 4] + (row % 4 ? p->after[row / 4][row % 4 - 1] : 0);
}

INLINE void advance(places *p, size_t bytes) {
    EACH(i, 4) {
        p->fourth[i] += bytes;
        // Hidden from the compiler, which would rather keep 16 addresses than four.
        __asm__("" : "+r"(p->fourth[i]));
    }
}

/// 16 bytes at `at` of every row, turned: four bytes of each row in its lane, those that follow in the next vector.
INLINE void load_turned(const places *p, size_t at, __m512i out[4]) {
    __m512i v[4];
    EACH(j, 4) {
        __m128i part[4];
        EACH(i, 4) part[i] = _mm_loadu_si128((const __m128i *)(place(p, 4 * i + j) + at));
        const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(part[0]), part[1], 1);
        const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(part[2]), part[3], 1);
        v[j] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
    const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
    out[0] = _mm512_unpacklo_epi64(a, c);
    out[1] = _mm512_unpackhi_epi64(a, c);
    out[2] = _mm512_unpacklo_epi64(b, d);
    out[3] = _mm512_unpackhi_epi64(b, d);
}

/// The lower (shift 0) or upper (4) nibbles of bytes.
INLINE __m512i nibbles(__m512i bytes, unsigned shift) {
    return _mm512_and_si512(shift ? _mm512_srli_epi16(bytes, shift) : bytes, _mm512_set1_epi8(15));
}

/// Adds steps * scale * (sum of (w - `larger`) n) to a token's sums; `w` has `words` vectors of four weights a lane, n begins with
/// number `first` of the block. What the weights are stored larger than they are is 0 or a power of two; 128 for bytes.
INLINE __m512 add_products(const __m512i *w, const size_t words, const block *x, size_t first, __m512 steps, const int larger, __m512 sum) {
    const int bytes = larger == 128;
    __m512i s[3] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    const __m512i less = _mm512_set1_epi32(x->less[words == 8 ? 2 : first / 16]);
    // What is 128 times too much in c is once too much in b, where it has room.
    if (bytes) s[1] = less;
    else if (larger) s[2] = _mm512_slli_epi32(less, (unsigned)__builtin_ctz((unsigned)larger));
    EACH(k, words)
        EACH(d, 3) {
            uint32_t four;
            memcpy(&four, x->digits[d] + first + 4 * k, sizeof four);
            s[d] = _mm512_dpbusd_epi32(s[d], w[k], _mm512_set1_epi32((int)four));
        }
    const __m512i upper = _mm512_add_epi32(_mm512_slli_epi32(s[0], 7), s[1]);
    // Products with bytes may need more than 32 bits together.
    const __m512 whole = bytes
        ? _mm512_fmadd_ps(_mm512_cvtepi32_ps(upper), _mm512_set1_ps(128), _mm512_cvtepi32_ps(s[2]))
        : _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(upper, 7), s[2]));
    // In this order, so that what one activation alone takes of a weight is exact.
    return _mm512_fmadd_ps(_mm512_mul_ps(whole, _mm512_set1_ps(x->scale)), steps, sum);
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

/// A float16 at `at` of every row.
INLINE __m512 halves_at(const places *p, size_t at) {
    uint64_t four[4];
    EACH(i, 4) {
        const uint64_t a = read_u16(place(p, 4 * i) + at), b = read_u16(place(p, 4 * i + 1) + at);
        const uint64_t c = read_u16(place(p, 4 * i + 2) + at), d = read_u16(place(p, 4 * i + 3) + at);
        four[i] = a | b << 16 | c << 32 | d << 48;
        // Hidden from the compiler, which would rather insert them one by one where vectors are shuffled.
        __asm__("" : "+r"(four[i]));
    }
    return _mm512_cvtph_ps(_mm256_setr_epi64x((long long)four[0], (long long)four[1], (long long)four[2], (long long)four[3]));
}

/// Two float16 at the beginning of every row.
INLINE void two_halves(const places *p, __m512 *first, __m512 *second) {
    __m512 v[2];
    EACH(i, 2) {
        int word[8];
        EACH(j, 8) word[j] = (int)read_u32(place(p, 4 * (j / 2) + 2 * i + j % 2));
        v[i] = _mm512_cvtph_ps(_mm256_setr_epi32(word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7]));
    }
    *first = _mm512_shuffle_ps(v[0], v[1], 0x88);
    *second = _mm512_shuffle_ps(v[0], v[1], 0xdd);
}

// Each adds the products of a block of every row, or a super-block, to the sums of `tokens` of the `width` that x has.

INLINE void nibbles_at(const places *p, size_t at, __m512i w[8]) {
    load_turned(p, at, w);
    EACH(k, 4) {
        w[4 + k] = nibbles(w[k], 4);
        w[k] = nibbles(w[k], 0);
    }
}

INLINE void add_q4_0(const places *p, const block *x, size_t width, const size_t tokens, __m512 *sum) {
    (void)width;
    __m512i w[8];
    nibbles_at(p, 2, w);
    const __m512 steps = halves_at(p, 0);
    EACH(t, tokens) sum[t] = add_products(w, 8, x + t, 0, steps, 8, sum[t]);
}

INLINE void add_q4_1(const places *p, const block *x, size_t width, const size_t tokens, __m512 *sum) {
    (void)width;
    __m512i w[8];
    nibbles_at(p, 4, w);
    __m512 steps, minimums;
    two_halves(p, &steps, &minimums);
    EACH(t, tokens) {
        sum[t] = add_products(w, 8, x + t, 0, steps, 0, sum[t]);
        sum[t] = _mm512_fmadd_ps(minimums, _mm512_set1_ps(x[t].sum), sum[t]);
    }
}

INLINE void add_q8_0(const places *p, const block *x, size_t width, const size_t tokens, __m512 *sum) {
    (void)width;
    __m512i w[8];
    load_turned(p, 2, w);
    load_turned(p, 18, w + 4);
    EACH(k, 8) w[k] = _mm512_xor_si512(w[k], _mm512_set1_epi8((char)0x80));
    const __m512 steps = halves_at(p, 0);
    EACH(t, tokens) sum[t] = add_products(w, 8, x + t, 0, steps, 128, sum[t]);
}

INLINE void add_q4_k(const places *p, const block *x, size_t width, const size_t tokens, __m512 *sum) {
    // d and dmin, then 12 bytes: see scale_and_min, here for four blocks at a time.
    __m512i head[4];
    load_turned(p, 0, head);
    const __m512 d = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(head[0]));
    const __m512 dmin = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(head[0], 16)));
    const __m512i six = _mm512_set1_epi8(63), upper_two = _mm512_set1_epi8(0x30);
    const __m512i steps[2] = {_mm512_and_si512(head[1], six),
                              _mm512_or_si512(nibbles(head[3], 0), _mm512_and_si512(_mm512_srli_epi32(head[1], 2), upper_two))};
    const __m512i minimums[2] = {_mm512_and_si512(head[2], six),
                                 _mm512_or_si512(nibbles(head[3], 4), _mm512_and_si512(_mm512_srli_epi32(head[2], 2), upper_two))};
    for (size_t j = 0; j < 4; j++) {
        __m512i bytes[8];
        load_turned(p, 16 + 32 * j, bytes);
        load_turned(p, 32 + 32 * j, bytes + 4);
        EACH(upper, 2) {
            __m512i w[8];
            EACH(k, 8) w[k] = nibbles(bytes[k], 4 * upper);
            const size_t b = 2 * j + upper;
            const __m128i shift = _mm_cvtsi32_si128((int)(8 * (b % 4)));
            const __m512i byte = _mm512_set1_epi32(255);
            const __m512i step = _mm512_and_si512(_mm512_srl_epi32(steps[b / 4], shift), byte);
            const __m512i minimum = _mm512_and_si512(_mm512_srl_epi32(minimums[b / 4], shift), byte);
            const __m512 by = _mm512_mul_ps(d, _mm512_cvtepi32_ps(step)), less = _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(minimum));
            EACH(t, tokens) {
                const block *values = x + b * width + t;
                sum[t] = add_products(w, 8, values, 0, by, 0, sum[t]);
                sum[t] = _mm512_fnmadd_ps(less, _mm512_set1_ps(values->sum), sum[t]);
            }
        }
    }
}

INLINE void add_q6_k(const places *p, const block *x, size_t width, const size_t tokens, __m512 *sum) {
    const __m512 d = halves_at(p, 208);
    __m512i scales[4];
    load_turned(p, 192, scales);
    for (size_t i = 0; i < 4; i++) {
        // Of each half of the super-block the first or the last 16 weights of its four blocks: two blocks by low nibbles and
        // two by high ones.
        const size_t half = i / 2, last = i % 2;
        __m512i low[8], high[4];
        load_turned(p, 64 * half + 16 * last, low);
        load_turned(p, 64 * half + 32 + 16 * last, low + 4);
        load_turned(p, 128 + 32 * half + 16 * last, high);
        EACH(part, 4) {
            __m512i w[4];
            EACH(k, 4) {
                const __m512i two = part < 2 ? _mm512_slli_epi32(high[k], (unsigned)(4 - 2 * part)) : _mm512_srli_epi32(high[k], (unsigned)(2 * part - 4));
                w[k] = _mm512_or_si512(nibbles(low[4 * (part % 2) + k], 4 * (part / 2)), _mm512_and_si512(two, _mm512_set1_epi8(0x30)));
            }
            const __m128i left = _mm_cvtsi32_si128((int)(24 - 8 * (2 * (part % 2) + last)));
            const __m512i step = _mm512_srai_epi32(_mm512_sll_epi32(scales[2 * half + part / 2], left), 24);
            const __m512 by = _mm512_mul_ps(d, _mm512_cvtepi32_ps(step));
            EACH(t, tokens) sum[t] = add_products(w, 4, x + (4 * half + part) * width + t, 16 * last, by, 32, sum[t]);
        }
    }
}

/// A whole tile of as many tokens as its name says.
typedef void (*tile_fn)(const uint8_t *w, size_t row_bytes, size_t blocks, const block *x, const float *bias, float *out, size_t out_stride);

#define DEFINE_TILE(TYPE, T) \
    static void tile_##TYPE##_##T(const uint8_t *w, size_t row_bytes, size_t blocks, const block *x, const float *bias, float *out, \
                                  size_t out_stride) { \
        tile_##TYPE(w, row_bytes, ROWS, blocks, x, T, T, bias, out, out_stride); \
    }

// BYTES: of BLOCKS blocks of 32.
#define DEFINE_PRODUCT(TYPE, BYTES, BLOCKS) \
    INLINE void tile_##TYPE(const uint8_t *w, size_t row_bytes, const size_t rows, size_t blocks, const block *x, size_t width, \
                            const size_t tokens, const float *bias, float *out, size_t out_stride) { \
        places p = places_of(w, row_bytes, rows); \
        __m512 sum[TOKENS]; \
        EACH(t, tokens) sum[t] = _mm512_setzero_ps(); \
        asked next = asked_next(w, row_bytes, ROWS); \
        for (size_t b = 0; b < blocks; b += BLOCKS) { \
            ask(&next, ROWS * BYTES); \
            add_##TYPE(&p, x + b * width, width, tokens, sum); \
            advance(&p, BYTES); \
        } \
        const __mmask16 wanted = rows < ROWS ? (__mmask16)((1u << rows) - 1) : 0xffff; \
        const __m512 more = bias ? _mm512_maskz_loadu_ps(wanted, bias) : _mm512_setzero_ps(); \
        EACH(t, tokens) _mm512_mask_storeu_ps(out + t * out_stride, wanted, _mm512_add_ps(sum[t], more)); \
    } \
    DEFINE_TILE(TYPE, 1) DEFINE_TILE(TYPE, 2) DEFINE_TILE(TYPE, 3) DEFINE_TILE(TYPE, 4) \
    DEFINE_TILE(TYPE, 5) DEFINE_TILE(TYPE, 6) DEFINE_TILE(TYPE, 7) DEFINE_TILE(TYPE, 8) \
    static const tile_fn tiles_of_##TYPE[TOKENS] = {tile_##TYPE##_1, tile_##TYPE##_2, tile_##TYPE##_3, tile_##TYPE##_4, \
                                                    tile_##TYPE##_5, tile_##TYPE##_6, tile_##TYPE##_7, tile_##TYPE##_8}; \
    static void tiles_##TYPE(const uint8_t *w, size_t row_bytes, size_t rows, size_t blocks, const block *x, size_t tokens, \
                             const float *bias, float *out, size_t out_stride) { \
        for (size_t t = 0; rows < ROWS && t < tokens; t++) \
            tile_##TYPE(w, row_bytes, rows, blocks, x + t, tokens, 1, bias, out + t * out_stride, out_stride); \
        for (size_t first = 0; rows >= ROWS && first < rows; first += ROWS) { \
            /* The last tile is a whole one, too, and computes some rows again: that is quicker than one which may be less. */ \
            const size_t r = first + ROWS <= rows ? first : rows - ROWS; \
            tiles_of_##TYPE[tokens - 1](w + r * row_bytes, row_bytes, blocks, x, bias ? bias + r : NULL, out + r, out_stride); \
        } \
    } \
    static void product_##TYPE(const void *weights, size_t row_bytes, size_t rows, size_t columns, const void *packed, size_t tokens, \
                               const float *bias, float *out, size_t out_stride) { \
        /* With several panels of tokens, a band of rows stays in a near cache while they pass. */ \
        const size_t blocks = columns / BLOCK, band = tokens > TOKENS ? 4 * ROWS : rows; \
        for (size_t r = 0; r < rows; r += band) \
            for (size_t t = 0; t < tokens; t += TOKENS) \
                tiles_##TYPE((const uint8_t *)weights + r * row_bytes, row_bytes, rows - r < band ? rows - r : band, blocks, \
                             (const block *)packed + t * blocks, tokens - t < TOKENS ? tokens - t : TOKENS, \
                             bias ? bias + r : NULL, out + t * out_stride + r, out_stride); \
    }

DEFINE_PRODUCT(q4_0, Q4_0_BYTES, 1)
DEFINE_PRODUCT(q4_1, Q4_1_BYTES, 1)
DEFINE_PRODUCT(q8_0, Q8_0_BYTES, 1)
DEFINE_PRODUCT(q4_k, Q4_K_BYTES, 8)
DEFINE_PRODUCT(q6_k, Q6_K_BYTES, 8)

static double multiply_registers(size_t rounds, float *sink) {
    // Enough of them to hide the latency of one, few enough for registers: 64 weights, three digits of each activation.
    __m512i sums[4][3];
    const __m512i w = _mm512_set1_epi8((char)*sink), x = _mm512_set1_epi8(1);
    EACH(i, 4) EACH(d, 3) sums[i][d] = _mm512_set1_epi32((int)(i + d));
    for (size_t r = 0; r < rounds; r++) EACH(i, 4) EACH(d, 3) sums[i][d] = _mm512_dpbusd_epi32(sums[i][d], w, x);
    EACH(i, 4) EACH(d, 3) *sink += (float)_mm512_reduce_add_epi32(sums[i][d]);
    return 2.0 * 4 * 64 * (double)rounds;
}

#pragma clang attribute pop

const lk_integer lk_vnni_integer = {
    .panel = TOKENS,
    .bytes = integer_bytes,
    .pack = integer_pack,
    .product = {
        [LK_Q4_0] = product_q4_0, [LK_Q4_1] = product_q4_1, [LK_Q8_0] = product_q8_0,
        [LK_Q4_K] = product_q4_k, [LK_Q6_K] = product_q6_k,
    },
    .multiply_registers = multiply_registers,
};
#endif
