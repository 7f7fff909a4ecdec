#include "util/clock.h"

#include <time.h>

usec_t clock_now_usec(void) {
        struct timespec ts;

        /* Cannot fail: the clock exists and the address is valid. */
        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}
