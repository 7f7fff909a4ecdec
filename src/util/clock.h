/*
 * Clocks for intervals, and the only caller of clock_gettime(). The host's wall clock decides
 * nothing but which time of a schedule it is: times in the tables come from the database.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

/*
 * Time since boot: never set back, and equal in all processes of this boot. This clock goes on
 * while the host is suspended, as the clocks of others do, so that a lease ends during a suspend.
 * For intervals, and for times that only this program compares. Times for the kernel are of another
 * clock: clock_monotonic_usec().
 */
usec_t clock_now_usec(void);

/*
 * CLOCK_MONOTONIC, which stands still while the host is suspended. Only for absolute times that are
 * handed to the kernel or to systemd.
 */
usec_t clock_monotonic_usec(void);

/* The CPU time that all threads of this process have used. */
usec_t clock_cpu_usec(void);

/* The same of another process, which has not been waited for yet; 0 where that is not told. */
usec_t clock_cpu_usec_of(pid_t pid);

/*
 * The wall clock, since 1970. Only to compare it with other clocks, and for the times of schedules,
 * which systemd goes by as well; it decides nothing else.
 */
int64_t clock_wall_usec(void);

/* a + b; USEC_INFINITY when the sum is too great. */
static inline usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

/* a - b; 0 when b is greater. */
static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a > b ? a - b : 0;
}
