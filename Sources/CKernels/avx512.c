// AVX-512 (F, BW, DQ, VL): 16 floats at a time.
#if defined(__x86_64__)
#include "formats.h"
#include "turn16.h"
#include <float.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)

typedef __m512 vec;
#define LANES 16
#define VECS 2
#define TILE_TOKENS 8
#define TILE_ROWS(T) ((T) <= 4 ? 4 : 2)
#define GEMM_ROWS 8
#define TABLE lk_avx512
#define TABLE_NAME "avx512"

#define v_zero() _mm512_setzero_ps()
#define v_set1(A) _mm512_set1_ps(A)
#define v_load(P) _mm512_loadu_ps(P)
#define v_store(P, A) _mm512_storeu_ps(P, A)
#define v_load_part(P, N) _mm512_maskz_loadu_ps((__mmask16)((1u << (N)) - 1), P)
#define v_store_part(P, A, N) _mm512_mask_storeu_ps(P, (__mmask16)((1u << (N)) - 1), A)
#define v_add(A, B) _mm512_add_ps(A, B)
#define v_sub(A, B) _mm512_sub_ps(A, B)
#define v_mul(A, B) _mm512_mul_ps(A, B)
#define v_div(A, B) _mm512_div_ps(A, B)
#define v_fma(A, B, C) _mm512_fmadd_ps(A, B, C)
#define v_fnma(A, B, C) _mm512_fnmadd_ps(A, B, C)
#define v_fmaddsub(A, B, C) _mm512_fmaddsub_ps(A, B, C)
#define v_evens(A) _mm512_moveldup_ps(A)
#define v_odds(A) _mm512_movehdup_ps(A)
#define v_swap_pairs(A) _mm512_permute_ps(A, 0xb1)
#define v_max(A, B) _mm512_max_ps(A, B)
#define v_min(A, B) _mm512_min_ps(A, B)
#define v_abs(A) _mm512_abs_ps(A)
#define v_sqrt(A) _mm512_sqrt_ps(A)
#define v_sum(A) _mm512_reduce_add_ps(A)
#define v_top(A) _mm512_reduce_max_ps(A)

static inline void v_transpose(vec v[LANES]) {
    __m512i t[LANES];
    for (int i = 0; i < LANES; i++) t[i] = _mm512_castps_si512(v[i]);
    turn_16(t);
    for (int i = 0; i < LANES; i++) v[i] = _mm512_castsi512_ps(t[i]);
}

/// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, by the Taylor series to r^7 / 7! (off by 5e-9 at most).
static inline vec v_exp(vec x) {
    x = v_min(v_set1(89), v_max(v_set1(-104), x));
    const vec n = _mm512_roundscale_ps(v_mul(x, v_set1(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
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
    return _mm512_scalef_ps(p, n);
}

/// Two halves side by side, in the first two lanes. A half is never read alone: the compiler would insert it
/// into a register, whose old content the CPU then waits for.
static inline __m128 halves(const uint8_t *p) { return _mm_cvtph_ps(_mm_cvtsi32_si128((int)read_u32(p))); }

/// The half at p, where a block goes on for two bytes more.
static inline vec half_set1(const uint8_t *p) { return _mm512_broadcastss_ps(halves(p)); }

/// The half at p, where a block ends. The empty statement hides from the compiler that the upper bits are zero.
static inline float last_half(const uint8_t *p) {
    uint32_t bits = read_u16(p);
    __asm__("" : "+r"(bits));
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128((int)bits)));
}

/// A block's scale and minimum, which lie side by side.
static inline void halves_set1(const uint8_t *p, vec *d, vec *m) {
    const __m128 both = halves(p);
    *d = _mm512_broadcastss_ps(both);
    *m = _mm512_broadcastss_ps(_mm_movehdup_ps(both));
}

/// 0, 1, ... 15 as floats.
static inline vec ramp(void) { return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

static inline __m512i bytes_to_ints(const uint8_t *p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}

/// A look-up of 16 values by the low four bits of each integer: what a nibble means is worked out once for its block.
static inline vec look_up(__m512i index, vec table) { return _mm512_permutexvar_ps(index, table); }

/// The same of 32 values, the fifth bit given as a mask.
static inline vec look_up_5(__m512i index, uint16_t fifth, vec low, vec high) {
    return _mm512_mask_permutexvar_ps(look_up(index, low), fifth, index, high);
}

static inline void load_f32(const uint8_t *row, size_t b, vec *w) {
    w[0] = v_load((const float *)(row + 128 * b));
    w[1] = v_load((const float *)(row + 128 * b + 64));
}

static inline void load_f16(const uint8_t *row, size_t b, vec *w) {
    for (int j = 0; j < 2; j++) w[j] = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(row + 64 * b + 32 * j)));
}

static inline void load_bf16(const uint8_t *row, size_t b, vec *w) {
    for (int j = 0; j < 2; j++) {
        const __m256i half = _mm256_loadu_si256((const __m256i *)(row + 64 * b + 32 * j));
        w[j] = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
    }
}

static inline void load_q4_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q4_0_BYTES * b;
    const vec table = v_mul(v_sub(ramp(), v_set1(8)), half_set1(p));
    const __m512i q = bytes_to_ints(p + 2);
    w[0] = look_up(q, table);
    w[1] = look_up(_mm512_srli_epi32(q, 4), table);
}

static inline void load_q4_1(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q4_1_BYTES * b;
    vec d, m;
    halves_set1(p, &d, &m);
    const vec table = v_fma(ramp(), d, m);
    const __m512i q = bytes_to_ints(p + 4);
    w[0] = look_up(q, table);
    w[1] = look_up(_mm512_srli_epi32(q, 4), table);
}

static inline void load_q5_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q5_0_BYTES * b;
    const vec d = half_set1(p), low = v_mul(v_sub(ramp(), v_set1(16)), d), high = v_mul(ramp(), d);
    const uint32_t fifth = read_u32(p + 2);
    const __m512i q = bytes_to_ints(p + 6);
    w[0] = look_up_5(q, (uint16_t)fifth, low, high);
    w[1] = look_up_5(_mm512_srli_epi32(q, 4), (uint16_t)(fifth >> 16), low, high);
}

static inline void load_q5_1(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q5_1_BYTES * b;
    vec d, m;
    halves_set1(p, &d, &m);
    const vec low = v_fma(ramp(), d, m), high = v_fma(v_add(ramp(), v_set1(16)), d, m);
    const uint32_t fifth = read_u32(p + 4);
    const __m512i q = bytes_to_ints(p + 8);
    w[0] = look_up_5(q, (uint16_t)fifth, low, high);
    w[1] = look_up_5(_mm512_srli_epi32(q, 4), (uint16_t)(fifth >> 16), low, high);
}

static inline void load_q8_0(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q8_0_BYTES * b;
    const vec d = half_set1(p);
    for (int j = 0; j < 2; j++) {
        const __m128i q = _mm_loadu_si128((const __m128i *)(p + 2 + 16 * j));
        w[j] = v_mul(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)));
    }
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
    const vec table = v_fma(ramp(), d, m);
    const __m128i shift = _mm_cvtsi32_si128(4 * (j & 1));
    for (int k = 0; k < 2; k++)
        w[k] = look_up(_mm512_srl_epi32(bytes_to_ints(p + 16 + 32 * (j / 2) + 16 * k), shift), table);
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
    const vec low = v_fma(ramp(), d, m), high = v_fma(v_add(ramp(), v_set1(16)), d, m);
    const __m128i shift = _mm_cvtsi32_si128(4 * (j & 1)), bit = _mm_set1_epi8((char)(1 << j));
    for (int k = 0; k < 2; k++) {
        const __mmask16 fifth = _mm_test_epi8_mask(_mm_loadu_si128((const __m128i *)(p + 16 + 16 * k)), bit);
        w[k] = look_up_5(_mm512_srl_epi32(bytes_to_ints(p + 48 + 32 * (j / 2) + 16 * k), shift), fifth, low, high);
    }
}

static inline void load_q6_k(const uint8_t *row, size_t b, vec *w) {
    const uint8_t *p = row + Q6_K_BYTES * (b / 8);
    const int j = b % 8, half = j / 4, part = j % 4;
    const float d = last_half(p + 208);
    const __m128i low_shift = _mm_cvtsi32_si128(4 * (part / 2)), high_shift = _mm_cvtsi32_si128(2 * part);
    for (int k = 0; k < 2; k++) {
        const __m512i low = _mm512_srl_epi32(bytes_to_ints(p + 64 * half + 32 * (part & 1) + 16 * k), low_shift);
        const __m512i high = _mm512_srl_epi32(bytes_to_ints(p + 128 + 32 * half + 16 * k), high_shift);
        const __m512i q = _mm512_or_epi32(_mm512_and_epi32(low, _mm512_set1_epi32(15)),
                                          _mm512_slli_epi32(_mm512_and_epi32(high, _mm512_set1_epi32(3)), 4));
        const vec scale = v_set1(d * (float)(int8_t)p[192 + 2 * j + k]);
        w[k] = v_mul(scale, _mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_set1_epi32(32))));
    }
}

#include "loops.h"

#pragma clang attribute pop
#endif
