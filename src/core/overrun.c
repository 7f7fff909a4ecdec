/*
 * The most urgent overrun wins: lease, step, memory, CPU time, run time. Only the run time gives
 * the plugin a chance to stop by itself; the others kill the worker at once.
 */
#include "core/overrun.h"

#include "util/macro.h"

#define TICK_MAX_USEC (100 * USEC_PER_MSEC)
#define TICK_MIN_USEC (5 * USEC_PER_MSEC)
#define BYTES_PER_USEC 4000u /* no plugin can use memory faster */

/* First the plugin's cancel word is set, then the process group gets SIGTERM, then SIGKILL. */
static const CancelPolicy stop_policy = {.grace_usec = 5 * USEC_PER_SEC,
                                         .kill_usec = 5 * USEC_PER_SEC};

static usec_t run_end(const OverrunFacts *f) {
        return f->limits.run_usec ? usec_add(f->began_usec, f->limits.run_usec) : USEC_INFINITY;
}

int overrun_needs_usage(const OverrunFacts *f) {
        return f->is_running && (f->limits.memory_bytes || f->limits.cpu_usec);
}

static Overrun decide_run_time(const OverrunFacts *f, usec_t now_usec) {
        Overrun nothing = {CANCEL_NONE, ENDED_BY_NOBODY};
        CancelStep due = CANCEL_WORD;

        if (f->stop.step == CANCEL_NONE && now_usec < run_end(f))
                return nothing;
        if (f->stop.step != CANCEL_NONE)
                due = cancel_due(&f->stop, &stop_policy, now_usec);
        return due == f->stop.step ? nothing : (Overrun){due, ENDED_BY_RUN_TIME};
}

Overrun overrun_decide(const OverrunFacts *f, usec_t now_usec) {
        if (now_usec >= f->lease_end_usec)
                return (Overrun){CANCEL_KILL, ENDED_BY_LEASE};
        if (now_usec >= f->step_end_usec)
                return (Overrun){CANCEL_KILL, ENDED_BY_HANG};
        if (!f->is_running)
                return (Overrun){CANCEL_NONE, ENDED_BY_NOBODY};
        if (f->limits.memory_bytes && f->usage.memory_bytes > f->limits.memory_bytes)
                return (Overrun){CANCEL_KILL, ENDED_BY_MEMORY};
        if (f->limits.cpu_usec && f->usage.cpu_usec > f->limits.cpu_usec)
                return (Overrun){CANCEL_KILL, ENDED_BY_CPU_TIME};
        return decide_run_time(f, now_usec);
}

/* The time in which the fastest plugin could use up the memory that is left, within bounds. */
static usec_t memory_tick(const OverrunFacts *f) {
        uint64_t left = usec_sub(f->limits.memory_bytes, f->usage.memory_bytes);
        return MAX_OF(TICK_MIN_USEC, MIN_OF(TICK_MAX_USEC, left / BYTES_PER_USEC));
}

usec_t overrun_wake(const OverrunFacts *f, usec_t now_usec) {
        usec_t wake = MIN_OF(f->lease_end_usec, f->step_end_usec);

        if (!f->is_running)
                return wake;
        if (f->stop.step == CANCEL_NONE)
                wake = MIN_OF(wake, run_end(f));
        else
                wake = MIN_OF(wake, cancel_wake(&f->stop, &stop_policy));
        if (f->limits.memory_bytes)
                wake = MIN_OF(wake, usec_add(now_usec, memory_tick(f)));
        else if (f->limits.cpu_usec)
                wake = MIN_OF(wake, usec_add(now_usec, TICK_MAX_USEC));
        return wake;
}
