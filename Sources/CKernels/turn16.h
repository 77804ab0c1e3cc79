#pragma once
#include <immintrin.h>

/// Turns a square of 16 by 16 words of 32 bits.
static inline __attribute__((always_inline, target("avx512f"))) void turn_16(__m512i v[16]) {
    __m512i a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + 2 + j]);
            b[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + 2 + j]);
        }
    // Quarters of four rows each: 4 j + i of b has, in quarter q, column 4 q + i of rows 4 j ... 4 j + 3.
    for (int i = 0; i < 4; i++) {
        const __m512i low02 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0x88), low13 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0xdd);
        const __m512i high02 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0x88);
        const __m512i high13 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0xdd);
        v[i] = _mm512_shuffle_i32x4(low02, high02, 0x88);
        v[8 + i] = _mm512_shuffle_i32x4(low02, high02, 0xdd);
        v[4 + i] = _mm512_shuffle_i32x4(low13, high13, 0x88);
        v[12 + i] = _mm512_shuffle_i32x4(low13, high13, 0xdd);
    }
}
