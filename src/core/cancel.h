/*
 * Cancel escalation: the word first, then SIGTERM, then SIGKILL. A pure function of what has been
 * done so far and of the time.
 */
#pragma once

#include "util/clock.h"

typedef enum CancelStep {
        CANCEL_NONE,
        CANCEL_WORD, /* the control word was set: the plugin is asked */
        CANCEL_TERM, /* SIGTERM was sent */
        CANCEL_KILL, /* SIGKILL was sent: nothing comes after it */
} CancelStep;

/* How long each step may take; a grace of 0 means that the plugin alone decides. */
typedef struct CancelPolicy {
        usec_t grace_usec; /* from the word to SIGTERM */
        usec_t kill_usec;  /* from SIGTERM to SIGKILL */
} CancelPolicy;

/* One worker's way through the steps. All zero: no cancel. */
typedef struct Cancel {
        CancelStep step;
        usec_t since_usec; /* when `step` was reached */
} Cancel;

/* Why a worker is ended; of two, the greater one counts. */
typedef enum CancelCause {
        CANCEL_CAUSE_NONE,
        CANCEL_CAUSE_JOB, /* its job was canceled: the worker may go on */
        CANCEL_CAUSE_END, /* shutdown, the end of the lease and so on: it must not */
} CancelCause;

/* 1 when a new cause begins the steps anew; a lesser or equal one must not hold them up. */
int cancel_begins(CancelCause present, CancelCause next);

/* The step that is due now: the present one, or the one after it. */
CancelStep cancel_due(const Cancel *cancel, const CancelPolicy *policy, usec_t now_usec);

/* When to look again; USEC_INFINITY when nothing will come by itself. */
usec_t cancel_wake(const Cancel *cancel, const CancelPolicy *policy);
