// Products of bfloat16 with float32 sums, for training: twice the rate of float32 where the CPU has AVX512-BF16.
#include "CKernels.h"
#include <string.h>

// Columns of B that are packed together, and rows of A whose sums stay in registers: 24 sums, and two vectors of B.
#define PANEL 32
#define ROWS 12

size_t lk_bf16_packed_bytes(size_t n, size_t k) { return (n + PANEL - 1) / PANEL * PANEL * ((k + 1) / 2) * 4; }

static uint16_t rounded(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Panels of 32 columns; in a panel, pairs of k one after another; in a pair, 32 times two values.
void lk_bf16_pack(const float *b, size_t column_stride, size_t k_stride, size_t n, size_t k, void *out) {
    uint16_t *to = out;
    for (size_t first = 0; first < n; first += PANEL)
        for (size_t p = 0; p < k; p += 2)
            for (size_t c = first; c < first + PANEL; c++)
                for (size_t i = p; i < p + 2; i++)
                    *to++ = c < n && i < k ? rounded(b[c * column_stride + i * k_stride]) : 0;
}

void lk_bf16_narrow(const float *x, size_t rows, size_t k, void *out) {
    uint16_t *to = out;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < k; i++) *to++ = rounded(x[r * k + i]);
        if (k % 2) *to++ = 0;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

int lk_has_bf16(void) { return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw"); }

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))), apply_to = function)

static inline __attribute__((always_inline)) void tile(const uint32_t *a, size_t pairs, const uint32_t *b, float *c,
                                                        size_t ldc, __mmask16 low, __mmask16 high, int adding, const int rows) {
    __m512 sum[ROWS][2];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < pairs; p++) {
        const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b + p * PANEL);
        const __m512bh b1 = (__m512bh)_mm512_loadu_si512(b + p * PANEL + 16);
        _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
            const __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[(size_t)r * pairs + p]);
            sum[r][0] = _mm512_dpbf16_ps(sum[r][0], b0, x);
            sum[r][1] = _mm512_dpbf16_ps(sum[r][1], b1, x);
        }
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++) {
        float *out = c + (size_t)r * ldc;
        if (adding) {
            sum[r][0] = _mm512_add_ps(sum[r][0], _mm512_maskz_loadu_ps(low, out));
            sum[r][1] = _mm512_add_ps(sum[r][1], _mm512_maskz_loadu_ps(high, out + 16));
        }
        _mm512_mask_storeu_ps(out, low, sum[r][0]);
        _mm512_mask_storeu_ps(out + 16, high, sum[r][1]);
    }
}

static __mmask16 first_lanes(size_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

void lk_bf16_product(const void *a, size_t m, size_t n, size_t k, const void *b, size_t first, size_t last, float *c,
                     size_t ldc, int adding) {
    const size_t pairs = (k + 1) / 2;
    for (size_t panel = first; panel < last; panel++) {
        const size_t column = panel * PANEL, left = n - column < PANEL ? n - column : PANEL;
        const __mmask16 low = first_lanes(left), high = first_lanes(left > 16 ? left - 16 : 0);
        const uint32_t *bp = (const uint32_t *)b + panel * PANEL * pairs;
        size_t r = 0;
#define TILE(N) tile((const uint32_t *)a + r * pairs, pairs, bp, c + r * ldc + column, ldc, low, high, adding, N)
        for (; r + ROWS <= m; r += ROWS) TILE(ROWS);
        // The same sums in the same order for every row, however many rows there are: results do not depend on company.
        for (; r + 4 <= m; r += 4) TILE(4);
        for (; r < m; r++) TILE(1);
#undef TILE
    }
}

#pragma clang attribute pop
#else
int lk_has_bf16(void) { return 0; }

void lk_bf16_product(const void *a, size_t m, size_t n, size_t k, const void *b, size_t first, size_t last, float *c,
                     size_t ldc, int adding) {
    (void)a, (void)m, (void)n, (void)k, (void)b, (void)first, (void)last, (void)c, (void)ldc, (void)adding;
}
#endif
