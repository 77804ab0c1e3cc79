// Which table this CPU runs.
#include "CKernels.h"
#include <string.h>

#if defined(__x86_64__)
extern const lk_kernels lk_avx2, lk_avx512;
extern const lk_integer lk_vnni_integer;

static int runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/// AVX-512 with products of quantised weights in integers; without a name where the CPU has none.
static lk_kernels vnni;

/// Before any thread asks.
__attribute__((constructor)) static void make_vnni(void) {
    __builtin_cpu_init();
    if (!runs_avx512() || !__builtin_cpu_supports("avx512vnni")) return;
    vnni = lk_avx512;
    vnni.name = "vnni";
    vnni.integer = lk_vnni_integer;
}

#endif

const lk_kernels *lk_kernels_named(const char *name) {
    if (strcmp(name, "scalar") == 0) return &lk_scalar;
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0 && runs_avx2()) return &lk_avx2;
    if (strcmp(name, "avx512") == 0 && runs_avx512()) return &lk_avx512;
    if (strcmp(name, "vnni") == 0) return vnni.integer.pack ? &vnni : NULL;
#endif
    return NULL;
}

const lk_kernels *lk_kernels_best(void) {
    static const char *const fastest_first[] = {"vnni", "avx512", "avx2"};
    for (size_t i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++) {
        const lk_kernels *found = lk_kernels_named(fastest_first[i]);
        if (found) return found;
    }
    return &lk_scalar;
}
