/*
 * The kernel's own limits while a plugin runs: where open files end, and a second line behind the
 * watch for memory and CPU time. Only soft limits are changed, and they go back afterwards.
 */
#pragma once

#include <sys/resource.h>

#include "core/limit.h"

#define FENCE_LIMITS 3

typedef struct Fence {
        struct {
                int is_set;
                struct rlimit before;
        } limits[FENCE_LIMITS];
} Fence;

/* `data_bytes` and `cpu_usec` are what the process has and has used now. */
void fence_up(Fence *fence, const Limits *limits, uint64_t data_bytes, usec_t cpu_usec);
void fence_down(Fence *fence);
