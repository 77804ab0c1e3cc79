// AVX2 with FMA and F16C: 8 floats at a time.
#if defined(__x86_64__)
#include "formats.h"
#include <immintrin.h>
#include <float.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

typedef __m256 vec;
#define LANES 8
#define VECS 4
#define TILE_TOKENS 4
#define TILE_ROWS(T) ((T) <= 2 ? 4 : 2)
#define GEMM_ROWS 4
#define TABLE lk_avx2
#define TABLE_NAME "avx2"

#define v_zero() _mm256_setzero_ps()
#define v_set1(A) _mm256_set1_ps(A)
#define v_load(P) _mm256_loadu_ps(P)
#define v_store(P, A) _mm256_storeu_ps(P, A)
#define v_load_part(P, N) _mm256_maskload_ps(P, first_lanes(N))
#define v_store_part(P, A, N) _mm256_maskstore_ps(P, first_lanes(N), A)
#define v_add(A, B) _mm256_add_ps(A, B)
#define v_sub(A, B) _mm256_sub_ps(A, B)
#define v_mul(A, B) _mm256_mul_ps(A, B)
#define v_div(A, B) _mm256_div_ps(A, B)
#define v_fma(A, B, C) _mm256_fmadd_ps(A, B, C)
#define v_fnma(A, B, C) _mm256_fnmadd_ps(A, B, C)
#define v_fmaddsub(A, B, C) _mm256_fmaddsub_ps(A, B, C)
#define v_evens(A) _mm256_moveldup_ps(A)
#define v_odds(A) _mm256_movehdup_ps(A)
#define v_swap_pairs(A) _mm256_permute_ps(A, 0xb1)
#define v_max(A, B) _mm256_max_ps(A, B)
#define v_min(A, B) _mm256_min_ps(A, B)
#define v_abs(A) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), A)
#define v_sqrt(A) _mm256_sqrt_ps(A)

static inline __m256i lanes(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }

static inline __m256i first_lanes(size_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lanes()); }

static inline float v_sum(vec v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float v_top(vec v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline void v_transpose(vec v[LANES]) {
    vec a[LANES], b[LANES];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            const __m256d low = _mm256_castps_pd(a[i + j]), high = _mm256_castps_pd(a[i + 2 + j]);
            b[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
            b[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

static inline vec power_of_2(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, by the Taylor series to r^7 / 7! (off by 5e-9 at most).
static inline vec v_exp(vec x) {
    x = v_min(v_set1(89), v_max(v_set1(-104), x));
    const vec n = _mm256_round_ps(v_mul(x, v_set1(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    vec r = v_fnma(n, v_set1(0.693359375f), x);
    r = v_fnma(n, v_set1(-2.12194440e-4f), r);
    vec p = v_set1(1.0f / 5040);
    p = v_fma(p, r, v_set1(1.0f / 720));
    p = v_fma(p, r, v_set1(1.0f / 120));
    p = v_fma(p, r, v_set1(1.0f / 24));
    p = v_fma(p, r, v_set1(1.0f / 6));
    p = v_fma(p, r, v_set1(0.5f));
    p = v_fma(p, r, v_set1(1));
    p = v_fma(p, r, v_set1(1));
    // In two steps, since 2^n alone may overflow or be subnormal.
    const __m256i i = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(i, 1);
    return v_mul(v_mul(p, power_of_2(half)), power_of_2(_mm256_sub_epi32(i, half)));
}

/// Two halves side by side, in the first two lanes. A half is never read alone: the compiler would insert it
/// into a register, whose old content the CPU then waits for.
static inline __m128 halves(const uint8_t *p) { return _mm_cvtph_ps(_mm_cvtsi32_si128((int)read_u32(p))); }

/// The half at p, where a block goes on for two bytes more.
static inline vec half_set1(const uint8_t *p) { return _mm256_broadcastss_ps(halves(p)); }

/// The half at p, where a block ends. The empty statement hides from the compiler that the upper bits are zero.
static inline float last_half(const uint8_t *p) {
    uint32_t bits = read_u16(p);
    __asm__("" : "+r"(bits));
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128((int)bits)));
}

/// A block's scale and minimum, which lie side by side.
static inline void halves_set1(const uint8_t *p, vec *d, vec *m) {
    const __m128 both = halves(p);
    *d = _mm256_broadcastss_ps(both);
    *m = _mm256_broadcastss_ps(_mm_movehdup_ps(both));
}

static inline __m256i bytes_to_ints(const uint8_t *p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}

static inline __m256i and_int(__m256i a, int b) { return _mm256_and_si256(a, _mm256_set1_epi32(b)); }

static inline vec to_float(__m256i a) { return _mm256_cvtepi32_ps(a); }

/// The low and high nibbles of 16 bytes, elements 0-15 and 16-31 of a block, as integers.
static inline void nibbles(const uint8_t *p, __m256i *q) {
    for (int j = 0; j < 2; j++) {
        const __m256i bytes = bytes_to_ints(p + 8 * j);
        q[j] = and_int(bytes, 15);
        q[j + 2] = _mm256_srli_epi32(bytes, 4);
    }
}

/// Adds 16 where the block's bit for the element is set.
static inline void add_fifth_bits(uint32_t bits, __m256i *q) {
    for (int j = 0; j < 4; j++) {
        const __m256i mine = _mm256_srlv_epi32(_mm256_set1_epi32((int)(bits >> 8 * j)), lanes());
        q[j] = _mm256_or_si256(q[j], _mm256_slli_epi32(and_int(mine, 1), 4));
    }
}

static inline void load_f32(const uint8_t *row, size_t b, vec *w) {
    for (int j = 0; j < 4; j++) w[j] = v_load((const float *)(row + 128 * b + 32 * j));
}

static inline void load_f16(const uint8_t *row, size_t b, vec *w) {
    for (int j = 0; j < 4; j++) w[j] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(row + 64 * b + 16 * j)));
}

static inline void load_bf16(const uint8_t *row, size_t b, vec *w) {
    for (int j = 0; j < 4; j++) {
        const __m128i half = _mm_loadu_si128((const __m128i *)(row + 64 * b + 16 * j));
        w[j] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
    }
}

static inline void load_q4_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q4_0_BYTES * b;
    const vec d = half_set1(p);
    __m256i q[4];
    nibbles(p + 2, q);
    for (int j = 0; j < 4; j++) w[j] = v_mul(to_float(_mm256_sub_epi32(q[j], _mm256_set1_epi32(8))), d);
}

static inline void load_q4_1(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q4_1_BYTES * b;
    vec d, m;
    halves_set1(p, &d, &m);
    __m256i q[4];
    nibbles(p + 4, q);
    for (int j = 0; j < 4; j++) w[j] = v_fma(to_float(q[j]), d, m);
}

static inline void load_q5_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q5_0_BYTES * b;
    const vec d = half_set1(p);
    __m256i q[4];
    nibbles(p + 6, q);
    add_fifth_bits(read_u32(p + 2), q);
    for (int j = 0; j < 4; j++) w[j] = v_mul(to_float(_mm256_sub_epi32(q[j], _mm256_set1_epi32(16))), d);
}

static inline void load_q5_1(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q5_1_BYTES * b;
    vec d, m;
    halves_set1(p, &d, &m);
    __m256i q[4];
    nibbles(p + 8, q);
    add_fifth_bits(read_u32(p + 4), q);
    for (int j = 0; j < 4; j++) w[j] = v_fma(to_float(q[j]), d, m);
}

static inline void load_q8_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q8_0_BYTES * b;
    const vec d = half_set1(p);
    for (int j = 0; j < 4; j++)
        w[j] = v_mul(d, to_float(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 2 + 8 * j)))));
}

static inline void load_q4_k(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q4_K_BYTES * (b / 8);
    const int j = b % 8;
    uint8_t scale, min;
    scale_and_min(p + 4, j, &scale, &min);
    vec d, m;
    halves_set1(p, &d, &m);
    d = v_mul(d, v_set1(scale));
    m = v_mul(m, v_set1(-(float)min));
    const __m128i shift = _mm_cvtsi32_si128(4 * (j & 1));
    for (int k = 0; k < 4; k++) {
        const __m256i q = and_int(_mm256_srl_epi32(bytes_to_ints(p + 16 + 32 * (j / 2) + 8 * k), shift), 15);
        w[k] = v_fma(to_float(q), d, m);
    }
}

static inline void load_q5_k(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q5_K_BYTES * (b / 8);
    const int j = b % 8;
    uint8_t scale, min;
    scale_and_min(p + 4, j, &scale, &min);
    vec d, m;
    halves_set1(p, &d, &m);
    d = v_mul(d, v_set1(scale));
    m = v_mul(m, v_set1(-(float)min));
    const __m128i shift = _mm_cvtsi32_si128(4 * (j & 1)), place = _mm_cvtsi32_si128(j);
    for (int k = 0; k < 4; k++) {
        const __m256i low = and_int(_mm256_srl_epi32(bytes_to_ints(p + 48 + 32 * (j / 2) + 8 * k), shift), 15);
        const __m256i fifth = and_int(_mm256_srl_epi32(bytes_to_ints(p + 16 + 8 * k), place), 1);
        w[k] = v_fma(to_float(_mm256_or_si256(low, _mm256_slli_epi32(fifth, 4))), d, m);
    }
}

static inline void load_q6_k(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q6_K_BYTES * (b / 8);
    const int j = b % 8, half = j / 4, part = j % 4;
    const float d = last_half(p + 208);
    const __m128i low_shift = _mm_cvtsi32_si128(4 * (part / 2)), high_shift = _mm_cvtsi32_si128(2 * part);
    for (int k = 0; k < 4; k++) {
        const __m256i low = and_int(_mm256_srl_epi32(bytes_to_ints(p + 64 * half + 32 * (part & 1) + 8 * k), low_shift), 15);
        const __m256i high = and_int(_mm256_srl_epi32(bytes_to_ints(p + 128 + 32 * half + 8 * k), high_shift), 3);
        const __m256i q = _mm256_or_si256(low, _mm256_slli_epi32(high, 4));
        const vec scale = v_set1(d * (float)(int8_t)p[192 + 2 * j + k / 2]);
        w[k] = v_mul(scale, to_float(_mm256_sub_epi32(q, _mm256_set1_epi32(32))));
    }
}

#include "loops.h"

#pragma clang attribute pop
#endif
