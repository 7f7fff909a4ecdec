/*
 * Intervals. The host's wall clock decides nothing (times in the tables are the
 * database's); this is the only caller of clock_gettime().
 */
#pragma once

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

/*
 * Time since boot, never set back, the same in every process of this boot. It goes on while the
 * host is suspended, as the database's clock does: a lease that ended meanwhile has ended. For
 * intervals and for times that we compare ourselves; the kernel and others count in another clock.
 */
usec_t clock_now_usec(void);

/*
 * CLOCK_MONOTONIC, which stands still during a suspend: only for absolute times that are handed to
 * the kernel or to systemd.
 */
usec_t clock_monotonic_usec(void);

/* CPU time that all threads of this process have used. */
usec_t clock_cpu_usec(void);

/* The wall clock, since 1970: for comparing clocks, never for deciding anything. */
int64_t clock_wall_usec(void);

/* a + b, or USEC_INFINITY when that is too much. */
static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

/* a - b, or 0. */
static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a > b ? a - b : 0;
}
