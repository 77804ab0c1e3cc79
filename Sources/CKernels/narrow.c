// From float32 to the types that models are converted to. Blocks and roundings are those of ggml's reference
// (quantize_row_q8_0_ref, quantize_row_q4_0_ref), so that two programs write the same file.
#include "formats.h"
#include <math.h>

/// To the nearest half, ties to even; what is too large becomes infinite.
static uint16_t half_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    const uint32_t body = bits & 0x7fffffff;
    if (body > 0x7f800000) return sign | 0x7e00;
    if (body >= 0x477ff000) return sign | 0x7c00; // 65520 and more
    // Below 2^-14 halves are multiples of 2^-24: adding 1/2 puts their units at the end of a float's fraction.
    if (body < 0x38800000) {
        float small;
        memcpy(&small, &body, sizeof small);
        small += 0.5f;
        memcpy(&bits, &small, sizeof bits);
        return sign | (uint16_t)(bits - 0x3f000000);
    }
    return sign | (uint16_t)((body - 0x38000000 + 0xfff + (body >> 13 & 1)) >> 13);
}

static int is_finite_half(uint16_t h) { return (h & 0x7c00) != 0x7c00; }

int lk_narrow_f16(const float *x, void *out, size_t count) {
    uint8_t *to = out;
    int whole = 1;
    for (size_t i = 0; i < count; i++, to += 2) {
        const uint16_t h = half_of(x[i]);
        whole &= is_finite_half(h);
        memcpy(to, &h, sizeof h);
    }
    return whole;
}

int lk_narrow_q8_0(const float *x, void *out, size_t count) {
    uint8_t *to = out;
    int whole = 1;
    for (size_t i = 0; i < count; i += BLOCK, x += BLOCK, to += Q8_0_BYTES) {
        float most = 0;
        for (int j = 0; j < BLOCK; j++) {
            // A comparison with what is no number is false.
            if (!(fabsf(x[j]) <= 3e38f)) whole = 0;
            if (fabsf(x[j]) > most) most = fabsf(x[j]);
        }
        const float d = most / 127, inverse = d != 0 ? 1 / d : 0;
        const uint16_t h = half_of(d);
        whole &= is_finite_half(h);
        memcpy(to, &h, sizeof h);
        if (!whole) return 0;
        for (int j = 0; j < BLOCK; j++) to[2 + j] = (uint8_t)(int8_t)roundf(x[j] * inverse);
    }
    return whole;
}

int lk_narrow_q4_0(const float *x, void *out, size_t count) {
    uint8_t *to = out;
    int whole = 1;
    for (size_t i = 0; i < count; i += BLOCK, x += BLOCK, to += Q4_0_BYTES) {
        // The value farthest from zero, with its sign: it becomes -8, the side that has one step more.
        float most = 0, far = 0;
        for (int j = 0; j < BLOCK; j++) {
            if (!(fabsf(x[j]) <= 3e38f)) whole = 0;
            if (fabsf(x[j]) > most) {
                most = fabsf(x[j]);
                far = x[j];
            }
        }
        const float d = far / -8, inverse = d != 0 ? 1 / d : 0;
        const uint16_t h = half_of(d);
        whole &= is_finite_half(h);
        memcpy(to, &h, sizeof h);
        if (!whole) return 0;
        uint8_t q[BLOCK];
        for (int j = 0; j < BLOCK; j++) {
            // In double precision, so that no fused multiplication decides a tie.
            const int steps = (int)((double)x[j] * inverse + 8.5);
            q[j] = (uint8_t)(steps > 15 ? 15 : steps);
        }
        for (int j = 0; j < BLOCK / 2; j++) to[2 + j] = (uint8_t)(q[j] | q[j + 16] << 4);
    }
    return whole;
}
