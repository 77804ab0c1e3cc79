// AMX: products of many tokens with float32 weights, from products of bytes.
//
// A processor with AMX multiplies bytes over thirty times as fast as float32. So x and w become whole numbers of 24 bits and a scale,
// one for each token and each row of weights in DEPTH columns, and a whole number three signed digits:
//
//   n = 2^16 a + 2^8 b + c,  n n' = 2^32 a a' + 2^24 (a b' + b a') + 2^16 (a c' + b b' + c a') + ...
//
// Each bracket is summed up in integers, in a tile of its own, without loss. The products left out are at most 2^-22 of the
// largest, and the sums come out better than those of float32 (rms 3e-7 beside 6e-7 with normal numbers in 1,024 columns), or, where
// one value in 37 is 30 times as large, a little worse (1.0e-6 beside 6e-7). In bfloat16, which AMX multiplies half as fast, it
// would be six products as well. Results below 1e-33 lose digits, as their scale has none left.
//
// What a token gives does not depend on the tokens beside it: they lie in the lanes of vectors, each with its own scale.
#if defined(__x86_64__)
#include "formats.h"
#include "turn16.h"
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,amx-tile,amx-int8,avx2,fma"))), apply_to = function)

#define INLINE static inline __attribute__((always_inline))
#define EACH(I, N) _Pragma("clang loop unroll(full)") for (size_t I = 0; I < (N); I++)

#define LANES 16
/// Columns that share a scale: few enough that an outlier spoils little, enough that sums are seldom turned into floats.
#define DEPTH 256
/// Columns of a tile.
#define STEP 64
/// Bytes of a tile, and of a step of 16 rows or tokens: a tile of each digit.
#define TILE (LANES * STEP)
#define STEP_BYTES (3 * TILE)
/// A block of a panel: the scales of 16 tokens, then its steps.
#define BLOCK_BYTES(STEPS) (LANES * sizeof(float) + (STEPS) * STEP_BYTES)
/// Rows of weights whose digits lie in the first-level cache, with those of a panel's block.
#define WEIGHTS 32

INLINE size_t parts(size_t count, size_t size) { return (count + size - 1) / size; }
INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

INLINE size_t panel_bytes(size_t columns) {
    return parts(columns, DEPTH) * BLOCK_BYTES(0) + parts(columns, STEP) * STEP_BYTES;
}

static size_t digits_bytes(size_t tokens, size_t columns) { return parts(tokens, LANES) * panel_bytes(columns); }

INLINE __mmask16 first_lanes(size_t n) { return n < LANES ? (__mmask16)((1u << n) - 1) : 0xffff; }

/// The largest whole number: its digits are 127, 127 and 0, and what rounds up still fits.
#define MOST ((float)(127 * 65536 + 127 * 256))

/// The scale of what has `largest` (the bits of absolute values) as its largest, as if its first digit were all, and what makes
/// whole numbers of it. Where the largest is no number, or infinite, the scale carries that into the result.
INLINE __m512 scale_of(__m512i largest, __m512 *inverse) {
    const __m512 size = _mm512_castsi512_ps(largest);
    const __mmask16 finite = _mm512_cmplt_epu32_mask(largest, _mm512_set1_epi32(0x7f800000));
    const __mmask16 usual = _mm512_mask_cmp_ps_mask(finite, size, _mm512_set1_ps(1e-30f), _CMP_GE_OQ);
    *inverse = _mm512_maskz_div_ps(usual, _mm512_set1_ps(MOST), size);
    const __m512 scale = _mm512_maskz_mul_ps(usual, size, _mm512_set1_ps(65536 / MOST));
    return _mm512_mask_blend_ps(finite, _mm512_set1_ps(float_of_bits(0x7fc00000)), scale);
}

/// The digits of four vectors; in a lane of the result are those of the lane's four numbers.
INLINE void digits_of(const __m512 v[4], __m512 inverse, __m512i out[3]) {
    // Of n + 0x8080 the bytes are c + 128, b + 128 and a.
    __m512i n[4];
    EACH(i, 4) n[i] = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(v[i], inverse)), _mm512_set1_epi32(0x8080));
    // Bytes 0 and 1 of two vectors' lanes side by side: c c b b.
    const __m512i low = _mm512_set_epi32(
        0x7d3d7c3c, 0x79397838, 0x75357434, 0x71317030, 0x6d2d6c2c, 0x69296828, 0x65256424, 0x61216020,
        0x5d1d5c1c, 0x59195818, 0x55155414, 0x51115010, 0x4d0d4c0c, 0x49094808, 0x45054404, 0x41014000);
    // Byte 2: a a a a.
    const __m512i high = _mm512_set_epi32(
        0x7e3e7e3e, 0x7a3a7a3a, 0x76367636, 0x72327232, 0x6e2e6e2e, 0x6a2a6a2a, 0x66266626, 0x62226222,
        0x5e1e5e1e, 0x5a1a5a1a, 0x56165616, 0x52125212, 0x4e0e4e0e, 0x4a0a4a0a, 0x46064606, 0x42024202);
    const __m512i p = _mm512_permutex2var_epi8(n[0], low, n[1]), q = _mm512_permutex2var_epi8(n[2], low, n[3]);
    const __m512i r = _mm512_permutex2var_epi8(n[0], high, n[1]), s = _mm512_permutex2var_epi8(n[2], high, n[3]);
    const __m512i sign = _mm512_set1_epi8((char)0x80);
    const __mmask32 odd = 0xaaaaaaaa;
    out[0] = _mm512_mask_blend_epi16(odd, r, s);
    out[1] = _mm512_xor_si512(_mm512_mask_blend_epi16(odd, _mm512_srli_epi32(p, 16), q), sign);
    out[2] = _mm512_xor_si512(_mm512_mask_blend_epi16(odd, p, _mm512_slli_epi32(q, 16)), sign);
}

/// A block of x, whose column k of 16 tokens starts at x + 16 k. Lane i of row l of a tile has columns l, l + 16, l + 32 and l + 48 of token
/// i: as a row of weights has them, which needs no turning for that.
static void pack_block(const float *x, size_t columns, uint8_t *out) {
    __m512i largest = _mm512_setzero_si512();
    for (size_t k = 0; k < columns; k++)
        largest = _mm512_max_epu32(largest, _mm512_castps_si512(_mm512_abs_ps(_mm512_loadu_ps(x + k * LANES))));
    __m512 inverse;
    _mm512_store_ps(out, scale_of(largest, &inverse));
    out += BLOCK_BYTES(0);
    for (size_t k = 0; k < columns; k += STEP, out += STEP_BYTES)
        for (size_t l = 0; l < LANES; l++) {
            __m512 v[4];
            EACH(i, 4) {
                const size_t column = k + i * LANES + l;
                v[i] = column < columns ? _mm512_loadu_ps(x + column * LANES) : _mm512_setzero_ps();
            }
            __m512i d[3];
            digits_of(v, inverse, d);
            EACH(j, 3) _mm512_store_si512(out + j * TILE + l * STEP, d[j]);
        }
}

static void digits_pack(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed) {
    const size_t first = panel * LANES, count = least(tokens - first, LANES);
    uint8_t *out = (uint8_t *)packed + panel * panel_bytes(columns);
    float turned[DEPTH * LANES] __attribute__((aligned(64)));
    for (size_t begin = 0; begin < columns; begin += DEPTH, out += BLOCK_BYTES(DEPTH / STEP)) {
        const size_t depth = least(columns - begin, DEPTH);
        for (size_t k = 0; k < depth; k += LANES) {
            const __mmask16 there = first_lanes(depth - k);
            __m512i v[LANES];
            EACH(t, LANES)
                v[t] = _mm512_maskz_loadu_epi32(t < count ? there : 0, x + (first + t) * x_stride + begin + k);
            turn_16(v);
            EACH(i, LANES) _mm512_store_si512(turned + (k + i) * LANES, v[i]);
        }
        pack_block(turned, depth, out);
    }
}

static void digits_pack_result(const float *result, size_t columns, size_t panel, void *packed) {
    uint8_t *out = (uint8_t *)packed + panel * panel_bytes(columns);
    const float *x = result + panel * LANES * columns;
    for (size_t begin = 0; begin < columns; begin += DEPTH, out += BLOCK_BYTES(DEPTH / STEP))
        pack_block(x + begin * LANES, least(columns - begin, DEPTH), out);
}

/// LANES values from `k` on of `columns`; beyond them 0. `whole`: there are all.
INLINE __m512 load(const float *x, size_t k, size_t columns, const int whole) {
    if (whole) return _mm512_loadu_ps(x + k);
    return k < columns ? _mm512_maskz_loadu_ps(first_lanes(columns - k), x + k) : _mm512_setzero_ps();
}

/// A row of weights of a block: its digits in a row of each step's tiles. Returns its scale. `whole`: there are DEPTH columns.
INLINE float pack_weights(const float *w, size_t columns, int8_t *out, const int whole) {
    if (whole) columns = DEPTH;
    __m512i largest = _mm512_setzero_si512();
    for (size_t k = 0; k < columns; k += LANES)
        largest = _mm512_max_epu32(largest, _mm512_castps_si512(_mm512_abs_ps(load(w, k, columns, whole))));
    __m512 inverse;
    const __m512 scale = scale_of(_mm512_set1_epi32((int)_mm512_reduce_max_epu32(largest)), &inverse);
    for (size_t k = 0; k < columns; k += STEP, out += STEP_BYTES) {
        __m512 v[4];
        EACH(i, 4) v[i] = load(w, k + i * LANES, columns, whole);
        __m512i d[3];
        digits_of(v, inverse, d);
        EACH(j, 3) _mm512_store_si512(out + j * TILE, d[j]);
    }
    return _mm512_cvtss_f32(scale);
}

/// Eight tiles of 16 rows of 64 bytes.
static void configure(void) {
    struct {
        uint8_t palette, start, unused[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } tiles = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        tiles.row_bytes[i] = STEP;
        tiles.rows[i] = LANES;
    }
    _tile_loadconfig(&tiles);
}

/// Sums of 16 rows of weights by 16 tokens, bracket by bracket, as tiles leave them.
typedef int32_t brackets[3][LANES][LANES];

/// Sums that are yet to be scaled and added to others; none if NULL.
typedef struct {
    const brackets *sums;
    const float *x_scales, *w_scales;
    float *to;
    int adding;
} pending;

INLINE void settle(const pending *p, size_t first, size_t end) {
    if (!p->sums) return;
    const __m512 lower = _mm512_set1_ps(1.0f / 256), x_scale = _mm512_load_ps(p->x_scales);
    for (size_t i = first; i < end; i++) {
        __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512((*p->sums)[2][i]));
        sum = _mm512_fmadd_ps(sum, lower, _mm512_cvtepi32_ps(_mm512_load_si512((*p->sums)[1][i])));
        sum = _mm512_fmadd_ps(sum, lower, _mm512_cvtepi32_ps(_mm512_load_si512((*p->sums)[0][i])));
        float *to = p->to + i * LANES;
        const __m512 before = p->adding ? _mm512_load_ps(to) : _mm512_setzero_ps();
        _mm512_store_ps(to, _mm512_fmadd_ps(sum, _mm512_mul_ps(x_scale, _mm512_set1_ps(p->w_scales[i])), before));
    }
}

/// The brackets of 16 rows of weights by 16 tokens. Between the steps those of the tile before are settled: vectors have time while
/// tiles multiply.
INLINE void multiply_tiles(const int8_t *w, const uint8_t *x, size_t steps, brackets *sums, const pending *before) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    for (size_t s = 0; s < steps; s++, w += STEP_BYTES, x += STEP_BYTES) {
        _tile_loadd(3, w, STEP);
        _tile_loadd(6, x, STEP);
        _tile_dpbssd(0, 3, 6);
        _tile_loadd(4, w + TILE, STEP);
        _tile_dpbssd(1, 4, 6);
        _tile_loadd(7, x + TILE, STEP);
        _tile_dpbssd(1, 3, 7);
        _tile_loadd(5, w + 2 * TILE, STEP);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(2, 4, 7);
        _tile_loadd(6, x + 2 * TILE, STEP);
        _tile_dpbssd(2, 3, 6);
        settle(before, s * LANES / steps, (s + 1) * LANES / steps);
    }
    _tile_stored(0, (*sums)[0], STEP);
    _tile_stored(1, (*sums)[1], STEP);
    _tile_stored(2, (*sums)[2], STEP);
}

/// Panels and rows of weights whose sums lie in the second-level cache, beside the digits of a block of x.
#define PANELS 18
#define BAND 96

/// Sums of a panel and a row of weights, by tokens. Rows beyond the last are sums, too, of the last.
typedef float part[PANELS][BAND][LANES];

static void multiply(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const uint8_t *x,
                     size_t panels, part sums) {
    int8_t digits[WEIGHTS / LANES][DEPTH / STEP * STEP_BYTES] __attribute__((aligned(64)));
    brackets tiles[2] __attribute__((aligned(64)));
    float scales[WEIGHTS], gathered[DEPTH];
    if (!columns) memset(sums, 0, sizeof(part));
    configure();
    for (size_t begin = 0; begin < columns; begin += DEPTH) {
        const size_t depth = least(columns - begin, DEPTH), steps = parts(depth, STEP);
        const uint8_t *block = x + begin / DEPTH * BLOCK_BYTES(DEPTH / STEP);
        for (size_t band = 0; band < rows; band += WEIGHTS) {
            const size_t groups = parts(least(rows - band, WEIGHTS), LANES);
            for (size_t i = 0; i < groups * LANES; i++) {
                const float *row = w + least(band + i, rows - 1) * row_step + begin * column_step;
                int8_t *to = digits[i / LANES] + i % LANES * STEP;
                if (column_step != 1) {
                    for (size_t k = 0; k < depth; k++) gathered[k] = row[k * column_step];
                    row = gathered;
                }
                scales[i] = depth == DEPTH ? pack_weights(row, DEPTH, to, 1) : pack_weights(row, depth, to, 0);
            }
            // The weights that come next are asked for: nobody has used them yet.
            const float *next = w + begin * column_step + (band + WEIGHTS) * row_step;
            const size_t to_ask = least(rows - least(rows, band + WEIGHTS), WEIGHTS), ask = parts(to_ask, panels * groups);
            size_t asked = 0;
            pending last = {0};
            for (size_t p = 0; p < panels; p++)
                for (size_t g = 0; g < groups; g++) {
                    for (size_t end = least(asked + ask, to_ask); asked < end; asked++)
                        for (size_t k = 0; k < depth; k += LANES) __builtin_prefetch(next + asked * row_step + k, 0, 2);
                    const uint8_t *from = block + p * panel_bytes(columns);
                    brackets *const to = tiles + (p * groups + g) % 2;
                    multiply_tiles(digits[g], from + BLOCK_BYTES(0), steps, to, &last);
                    last = (pending){to, (const float *)from, scales + g * LANES, sums[p][band + g * LANES], begin > 0};
                }
            settle(&last, 0, LANES);
        }
    }
    _tile_release();
}

/// A part, column by column: out[r * LANES + t], a panel after `step` floats.
static void write_panels(part sums, size_t rows, size_t panels, const float *bias, float *out, size_t step) {
    for (size_t p = 0; p < panels; p++)
        for (size_t r = 0; r < rows; r++) {
            const __m512 b = _mm512_set1_ps(bias ? bias[r] : 0);
            _mm512_storeu_ps(out + p * step + r * LANES, _mm512_add_ps(_mm512_load_ps(sums[p][r]), b));
        }
}

/// A part, turned: a token's results lie together.
static void write_rows(part sums, size_t rows, size_t tokens, float scale, const float *bias, float *out, size_t stride, int adding) {
    const __m512 factor = _mm512_set1_ps(scale);
    for (size_t first = 0; first < tokens; first += LANES)
        for (size_t r = 0; r < rows; r += LANES) {
            const __mmask16 there = first_lanes(rows - r);
            const __m512 b = bias ? _mm512_maskz_loadu_ps(there, bias + r) : _mm512_setzero_ps();
            __m512i v[LANES];
            EACH(i, LANES) v[i] = _mm512_load_si512(sums[first / LANES][r + i]);
            turn_16(v);
            for (size_t t = 0; t < least(tokens - first, LANES); t++) {
                float *to = out + (first + t) * stride + r;
                __m512 result = _mm512_fmadd_ps(factor, _mm512_castsi512_ps(v[t]), b);
                if (adding) result = _mm512_add_ps(result, _mm512_maskz_loadu_ps(there, to));
                _mm512_mask_storeu_ps(to, there, result);
            }
        }
}

/// Runs BODY with `sums` of `count` tokens from `first` on and `wanted` rows of weights from `band` on.
#define EACH_PART(BODY) \
    part sums __attribute__((aligned(64))); \
    for (size_t first = 0; first < tokens; first += PANELS * LANES) \
        for (size_t band = 0; band < rows; band += BAND) { \
            const size_t wanted = least(rows - band, BAND), count = least(tokens - first, PANELS * LANES); \
            multiply(w + band * row_step, row_step, column_step, wanted, columns, \
                     (const uint8_t *)packed + digits_bytes(first, columns), parts(count, LANES), sums); \
            BODY; \
        }

static void digits_product(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const void *packed,
                           size_t tokens, float scale, const float *bias, float *out, size_t out_stride, int adding) {
    EACH_PART(write_rows(sums, wanted, count, scale, bias ? bias + band : NULL, out + first * out_stride + band, out_stride, adding))
}

static void digits_product_packed(const float *w, size_t row_step, size_t rows, size_t columns, const void *packed, size_t tokens,
                                  const float *bias, float *out, size_t out_columns, size_t first_row) {
    const size_t column_step = 1;
    EACH_PART(write_panels(sums, wanted, parts(count, LANES), bias ? bias + band : NULL,
                           out + first * out_columns + (first_row + band) * LANES, out_columns * LANES))
}

static double digits_multiply_registers(size_t rounds, float *sink) {
    int32_t sums[LANES][LANES] __attribute__((aligned(64))) = {{0}};
    configure();
    _tile_loadd(3, sums, STEP);
    _tile_loadd(4, sums, STEP);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    // Six products of tiles, as often as other tables fill their registers, would take seconds.
    const size_t steps = rounds / 8;
    for (size_t s = 0; s < steps; s++) {
        EACH(i, 2) {
            _tile_dpbssd(0, 3, 4);
            _tile_dpbssd(1, 3, 4);
            _tile_dpbssd(2, 3, 4);
        }
    }
    _tile_stored(0, sums, STEP);
    _tile_release();
    *sink += (float)sums[0][0];
    return 2.0 * LANES * LANES * STEP * (double)steps;
}

#pragma clang attribute pop

const lk_gemm lk_amx_gemm = {
    .panel = LANES,
    .lanes = LANES,
    .range = PANELS * LANES,
    .bytes = digits_bytes,
    .pack = digits_pack,
    .pack_result = digits_pack_result,
    .product = digits_product,
    .product_packed = digits_product_packed,
    .multiply_registers = digits_multiply_registers,
};
#endif
