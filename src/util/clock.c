#include "util/clock.h"

#include <time.h>

static usec_t read_clock(clockid_t clock) {
        struct timespec ts;

        /* Cannot fail: the clock exists and the address is valid. */
        (void) clock_gettime(clock, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t clock_now_usec(void) {
        return read_clock(CLOCK_BOOTTIME);
}

usec_t clock_monotonic_usec(void) {
        return read_clock(CLOCK_MONOTONIC);
}

usec_t clock_cpu_usec(void) {
        return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

usec_t clock_cpu_usec_of(pid_t pid) {
        struct timespec ts;
        clockid_t clock;

        if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts) < 0)
                return 0;
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

int64_t clock_wall_usec(void) {
        return (int64_t) read_clock(CLOCK_REALTIME);
}
