/*
 * Decides what the watch of a worker does about an overrun: of the lease, of a step of the worker,
 * or of a limit of the job. Pure: limits, usage and time come in as arguments.
 */
#pragma once

#include "core/cancel.h"
#include "core/limit.h"
#include "core/outcome.h"

typedef struct Usage {
        uint64_t memory_bytes; /* growth since the plugin was called */
        usec_t cpu_usec;       /* since the plugin was called */
} Usage;

typedef struct OverrunFacts {
        usec_t lease_end_usec;
        usec_t step_end_usec; /* when the worker's current step must be over; USEC_INFINITY: no
                                 limit */
        int is_running;       /* a plugin runs; otherwise the members below are ignored */
        usec_t began_usec;
        Limits limits;
        Usage usage;
        Cancel stop; /* the last step that was taken because of the run time */
} OverrunFacts;

typedef struct Overrun {
        CancelStep step; /* the step that is due now, or CANCEL_NONE */
        EndedBy ended_by;
} Overrun;

/* The step that is due now, and why. The step in `stop` is never due again. */
Overrun overrun_decide(const OverrunFacts *facts, usec_t now_usec);

/*
 * When the facts must be looked at again. With a limit of memory or CPU time that is within 100 ms,
 * and sooner when little memory is left.
 */
usec_t overrun_wake(const OverrunFacts *facts, usec_t now_usec);

/* 1 when memory or CPU time is limited, so that the job's usage must be measured. */
int overrun_needs_usage(const OverrunFacts *facts);
