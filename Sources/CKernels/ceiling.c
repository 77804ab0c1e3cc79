// What the machine can do at most, for benchmarks to be held against.
#include "CKernels.h"

uint64_t lk_read(const void *from, size_t bytes) {
    const uint64_t *p = from;
    uint64_t sums[8] = {0};
    for (size_t i = 0; i + 8 <= bytes / 8; i += 8)
        for (size_t j = 0; j < 8; j++) sums[j] += p[i + j];
    uint64_t sum = 0;
    for (size_t j = 0; j < 8; j++) sum += sums[j];
    return sum;
}
