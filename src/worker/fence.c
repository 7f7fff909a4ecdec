#include "worker/fence.h"

#include <fcntl.h>
#include <unistd.h>

#include "util/macro.h"

/*
 * The watch is to be first, because it can say what has ended the job. RLIMIT_DATA counts what is
 * mapped, used or not: the stacks of a few threads alone are tens of megabytes.
 */
#define DATA_MARGIN_BYTES ((uint64_t) 64 << 20)
#define CPU_MARGIN_SECONDS 2
#define FILES_MARGIN 16

static const int resources[FENCE_LIMITS] = {RLIMIT_DATA, RLIMIT_CPU, RLIMIT_NOFILE};

static void lower(Fence *fence, size_t i, uint64_t soft) {
        struct rlimit limit;

        if (getrlimit((__rlimit_resource_t) resources[i], &limit) < 0 || limit.rlim_cur <= soft)
                return; /* it is stricter already */
        fence->limits[i].before = limit;
        limit.rlim_cur = soft;
        fence->limits[i].is_set = setrlimit((__rlimit_resource_t) resources[i], &limit) == 0;
}

/* The lowest number that the limit may have without taking something from the worker itself. */
static uint64_t files_in_use(void) {
        int fd = open("/", O_PATH | O_CLOEXEC);
        if (fd < 0)
                return 0;
        (void) close(fd);
        return (uint64_t) fd;
}

void fence_up(Fence *fence, const Limits *limits, uint64_t data_bytes, usec_t cpu_usec) {
        *fence = (Fence){0};
        if (limits->memory_bytes && data_bytes)
                lower(fence, 0,
                      data_bytes + limits->memory_bytes +
                              MAX_OF(limits->memory_bytes / 4, DATA_MARGIN_BYTES));
        if (limits->cpu_usec)
                lower(fence, 1,
                      usec_add(cpu_usec, limits->cpu_usec) / USEC_PER_SEC + CPU_MARGIN_SECONDS);
        if (limits->open_files)
                lower(fence, 2, MAX_OF(limits->open_files, files_in_use() + FILES_MARGIN));
}

void fence_down(Fence *fence) {
        for (size_t i = 0; i < FENCE_LIMITS; i++)
                if (fence->limits[i].is_set)
                        (void) setrlimit((__rlimit_resource_t) resources[i],
                                         &fence->limits[i].before);
        *fence = (Fence){0};
}
