/* When a running program is signaled, and with what: a pure function of what was done and seen. */
#pragma once

#include "core/cancel.h"

/* Why a program was ended from here; the first reason counts. */
typedef enum EndReason {
        END_ITSELF, /* it was not */
        END_CANCELED,
        END_TIMEOUT,
        END_LONG_MESSAGE,
        END_MANY_MESSAGES,
        /* Of resident programs: */
        END_MALFORMED, /* a line of the job that is no message */
        END_CLOSED,    /* it lives, and has closed its end of a pipe */
        END_CPU_TIME,  /* it went on after SIGXCPU */
} EndReason;

typedef struct EndPolicy {
        int cancel_signal;
        usec_t kill_after_usec; /* from the timeout to SIGKILL */
} EndPolicy;

typedef struct Ending {
        EndReason reason;
        usec_t timeout_usec; /* when the time is over; USEC_INFINITY: never, or it was told */
        Cancel cancel;       /* CANCEL_WORD: told, and may take its time; CANCEL_TERM: may not */
} Ending;

/* A program begins to run; `timeout_usec` 0 means none. */
Ending ending_begin(usec_t timeout_usec, usec_t now_usec);

/*
 * The signal that is due now, or 0. A cancel leads to the cancel signal and nothing more: how long
 * a job may take to follow it is decided by the daemon, which kills the worker.
 */
int ending_step(Ending *ending, const EndPolicy *policy, int is_canceled, usec_t now_usec);
