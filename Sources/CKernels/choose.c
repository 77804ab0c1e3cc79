// Which table this CPU runs.
#include "CKernels.h"
#include <string.h>

#if defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>

extern const lk_kernels lk_avx2, lk_avx512;
extern const lk_integer lk_vnni_integer;
extern const lk_gemm lk_amx_gemm;

static int runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/// Whether the CPU has tiles of bytes and Linux lets this process use them, for which it must ask once: then the kernel makes room for
/// eight kilobytes more where it saves a thread's registers.
static int runs_amx(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") && __builtin_cpu_supports("avx512vbmi")
        && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

/// AVX-512 with products of quantised weights in integers, and that with products of many tokens in AMX; without a name where the
/// CPU has none.
static lk_kernels vnni, amx;

/// Before any thread asks.
__attribute__((constructor)) static void make_tables(void) {
    __builtin_cpu_init();
    if (!runs_avx512() || !__builtin_cpu_supports("avx512vnni")) return;
    vnni = lk_avx512;
    vnni.name = "vnni";
    vnni.integer = lk_vnni_integer;
    amx = vnni;
    amx.name = "amx";
    amx.gemm = lk_amx_gemm;
}

#endif

const lk_kernels *lk_kernels_named(const char *name) {
    if (strcmp(name, "scalar") == 0) return &lk_scalar;
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0 && runs_avx2()) return &lk_avx2;
    if (strcmp(name, "avx512") == 0 && runs_avx512()) return &lk_avx512;
    if (strcmp(name, "vnni") == 0) return vnni.name ? &vnni : NULL;
    if (strcmp(name, "amx") == 0) return amx.name && runs_amx() ? &amx : NULL;
#endif
    return NULL;
}

const lk_kernels *lk_kernels_best(void) {
    static const char *const fastest_first[] = {"amx", "vnni", "avx512", "avx2"};
    for (size_t i = 0; i < sizeof fastest_first / sizeof *fastest_first; i++) {
        const lk_kernels *found = lk_kernels_named(fastest_first[i]);
        if (found) return found;
    }
    return &lk_scalar;
}
