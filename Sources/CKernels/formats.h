#pragma once
#include "CKernels.h"
#include <string.h>

// The block layouts of GGUF, in bytes. Fields are read with memcpy: a mapped file promises no alignment.
enum {
    Q4_0_BYTES = 18,  // f16 d, 16 bytes: low nibbles are elements 0-15, high nibbles 16-31; (q - 8) d
    Q4_1_BYTES = 20,  // f16 d, f16 m, 16 bytes as above; q d + m
    Q5_0_BYTES = 22,  // f16 d, 32 high bits, 16 bytes as above; (q - 16) d
    Q5_1_BYTES = 24,  // f16 d, f16 m, 32 high bits, 16 bytes as above; q d + m
    Q8_0_BYTES = 34,  // f16 d, 32 signed bytes; q d
    Q4_K_BYTES = 144, // f16 d, f16 dmin, 12 bytes of 6-bit scales and mins, 128 bytes of nibbles
    Q5_K_BYTES = 176, // the same with 32 bytes of high bits before the nibbles
    Q6_K_BYTES = 210, // 128 bytes of low nibbles, 64 of high pairs, 16 signed scales, f16 d
    BLOCK = 32, SUPER_BLOCK = 256,
};

static inline uint16_t read_u16(const void *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static inline uint32_t read_u32(const void *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static inline float float_of_bits(uint32_t bits) { float v; memcpy(&v, &bits, sizeof v); return v; }

/// IEEE half to float, subnormals, infinities and NaN included.
static inline float half_to_float(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, body = h & 0x7fff;
    if (body >= 0x7c00) return float_of_bits(sign | 0x7f800000 | (body & 0x3ff) << 13);
    if (body < 0x400) return (sign ? -1.0f : 1.0f) * (float)body * 0x1p-24f;
    return float_of_bits(sign | ((body << 13) + 0x38000000));
}

/// The j-th 6-bit scale and minimum (j < 8) of a K-quant's 12 packed bytes.
static inline void scale_and_min(const uint8_t *s, int j, uint8_t *scale, uint8_t *min) {
    if (j < 4) {
        *scale = s[j] & 63;
        *min = s[j + 4] & 63;
    } else {
        *scale = (uint8_t)((s[j + 4] & 15) | (s[j - 4] >> 6) << 4);
        *min = (uint8_t)((s[j + 4] >> 4) | (s[j] >> 6) << 4);
    }
}

/// How far ahead of its use, in bytes, a weight of a tile of `rows` rows is asked for. Rows are too short for the CPU to find the
/// pattern by itself, and it stops at the ends of pages. What lies beside a row in the tile is on its way already: so what
/// follows the tile is asked for, or, where rows are long, what follows in the same row.
static inline size_t prefetch_distance(size_t row_bytes, size_t rows) {
    const size_t tile = rows * row_bytes;
    return row_bytes >= 4096 ? 4096 : tile > 2048 ? tile : 2048;
}
