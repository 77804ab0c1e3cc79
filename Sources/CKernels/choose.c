// Which table this CPU runs.
#include "CKernels.h"
#include <string.h>

const lk_kernels *lk_kernels_named(const char *name) {
    if (strcmp(name, "scalar") == 0) return &lk_scalar;
    return NULL;
}

const lk_kernels *lk_kernels_best(void) {
    return &lk_scalar;
}
