/*
 * Looks at the queue and at cancels: when a notification, a timer or a reconnect says so, never two
 * looks at once, and not more often than twenty times a second, whoever sends notifications. What
 * they find goes to the plan and the pool; a lost notification costs one sweep interval.
 */
#pragma once

#include <ev.h>

#include "core/counters.h"
#include "util/clock.h"

typedef struct Supervisor Supervisor;

typedef struct Lookout {
        usec_t sweep_usec; /* a next start further away than this is left to the sweep */
        usec_t asked_usec;
        int is_asking;
        int is_again;             /* asked for while one was on its way */
        Count again_why, due_why; /* what that one, and the timer's, is counted as */
        int32_t above;            /* the next look goes on behind this CO; 0: at the beginning */
        int is_polling;
        int is_poll_again; /* asked for while one was on its way */
        usec_t polled_usec;
        int has_failed; /* the last look: it was said */
        ev_timer due;   /* the next look that is not the sweep's */
        ev_timer poll;  /* the next question about cancels that had to wait */
} Lookout;

void lookout_init(Supervisor *s);
void lookout_done(Supervisor *s);

/* Forgets what was on its way over a lost connection. */
void lookout_disconnect(Supervisor *s);

/* Looks soon: at once, or a twentieth of a second after the last look. */
void lookout_look(Supervisor *s);

/* As lookout_look(), counted as the periodic sweep. */
void lookout_sweep(Supervisor *s);

/* Asks which of the jobs that run were canceled; soon, as lookout_look(). */
void lookout_poll_cancels(Supervisor *s);
