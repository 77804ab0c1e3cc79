#pragma once
#include <stdint.h>

// What a process can take from itself, for good. All return 0, or -1 with errno.

// No socket but local ones (AF_UNIX), and no io_uring, which could make others. Of all threads.
int lorgnette_forbid_network(void);

// Bytes of private memory that can be written to, together with what there is already.
int lorgnette_limit_memory(uint64_t bytes);

// Bytes of a core dump, of a file that is written, and the number of open files.
int lorgnette_limit_files(uint64_t core, uint64_t size, uint64_t open);
