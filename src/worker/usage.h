/* How much memory this process has, cheaply enough to ask many times a second. */
#pragma once

#include <stdint.h>

typedef struct Memory {
        uint64_t used_bytes; /* in memory or swapped out; what is only mapped from files is not */
        uint64_t data_bytes; /* what RLIMIT_DATA counts */
} Memory;

/*
 * `fd` is /proc/self/status, kept open from call to call; -1 at first. A plugin may close it or put
 * something else in its place: then it is opened again. Returns 0 or -errno.
 */
int usage_memory(int *fd, Memory *ret);
