/*
 * What a worker has overrun, and what its watch does about it: a pure function of the limits, of
 * what the job has used, and of the time.
 */
#pragma once

#include "core/cancel.h"
#include "core/limit.h"
#include "core/outcome.h"

typedef struct Usage {
        uint64_t memory_bytes; /* more than when the plugin was called */
        usec_t cpu_usec;       /* since the plugin was called */
} Usage;

typedef struct OverrunFacts {
        usec_t lease_end_usec;
        usec_t step_end_usec; /* of the step that the worker itself is at; USEC_INFINITY: none */
        int is_running;       /* a plugin runs: what follows counts */
        usec_t began_usec;
        Limits limits;
        Usage usage;
        Cancel stop; /* how far the end for its run time has come */
} OverrunFacts;

typedef struct Overrun {
        CancelStep step; /* due now; CANCEL_NONE: nothing */
        EndedBy ended_by;
} Overrun;

/* A step of `stop` that was taken before is not due again. */
Overrun overrun_decide(const OverrunFacts *facts, usec_t now_usec);

/*
 * When to look again. Where memory or CPU time is limited, as often as those could be exceeded:
 * every 100 ms, and more often when little memory is left.
 */
usec_t overrun_wake(const OverrunFacts *facts, usec_t now_usec);

/* 1 when what the job uses has to be measured. */
int overrun_needs_usage(const OverrunFacts *facts);

/*
 * The end of the lease: what the status page says, or what was known before when that is later than
 * a renewal at this moment could make it. A plugin may have scribbled over the page.
 */
usec_t overrun_lease_end(usec_t known_usec, usec_t told_usec, usec_t lease_usec, usec_t now_usec);
