// Which table this CPU runs.
#include "CKernels.h"
#include <string.h>

#if defined(__x86_64__)
extern const lk_kernels lk_avx2, lk_avx512;

static int runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const lk_kernels *lk_kernels_named(const char *name) {
    if (strcmp(name, "scalar") == 0) return &lk_scalar;
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0 && runs_avx2()) return &lk_avx2;
    if (strcmp(name, "avx512") == 0 && runs_avx512()) return &lk_avx512;
#endif
    return NULL;
}

const lk_kernels *lk_kernels_best(void) {
    static const char *const fastest_first[] = {"avx512", "avx2"};
    for (int i = 0; i < 2; i++) {
        const lk_kernels *found = lk_kernels_named(fastest_first[i]);
        if (found) return found;
    }
    return &lk_scalar;
}
