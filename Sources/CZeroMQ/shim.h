#pragma once
#include <zmq.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// prctl is variadic, and Swift does not import variadic functions. Both return 0, or -1 with errno.
static inline int lorgnette_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }
static inline int lorgnette_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
