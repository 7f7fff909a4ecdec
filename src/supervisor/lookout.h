/*
 * Looks at the queue and at cancels: when a notification, a timer or a reconnect says so, never two
 * looks at once, and not more often than ten times a second. What it finds goes to the plan and the
 * pool; a lost notification costs one sweep interval.
 */
#pragma once

#include <ev.h>

#include "supervisor/link.h"
#include "supervisor/tally.h"

typedef struct LookoutEvents {
        void (*on_waiting)(int32_t co_id, void *userdata);
        void (*on_looked)(void *userdata); /* all that waited has been told */
        void (*on_canceled)(int32_t job_id, void *userdata);
        void *userdata;
} LookoutEvents;

typedef struct Lookout {
        struct ev_loop *loop;
        Link *link;
        Tally *tally; /* where looks are counted */
        LookoutEvents events;
        usec_t sweep_usec; /* a next start further away than this is left to the sweep */
        usec_t asked_usec;
        int is_asking;
        int is_again;             /* asked for while one was on its way */
        Count again_why, due_why; /* what that one, and the timer's, is counted as */
        int is_polling;
        int has_failed; /* the last look: it was said */
        ev_timer due;   /* the next look that is not the sweep's */
} Lookout;

void lookout_init(Lookout *lookout, struct ev_loop *loop, Link *link, Tally *tally,
                  const LookoutEvents *events);
void lookout_done(Lookout *lookout);

/* Forgets what was on its way over a lost connection. */
void lookout_down(Lookout *lookout);

/* Looks soon: at once, or a tenth of a second after the last look. */
void lookout_look(Lookout *lookout);

/* The same, because it was not for some time. */
void lookout_sweep(Lookout *lookout);

/* Asks which of these jobs were canceled. */
void lookout_poll_cancels(Lookout *lookout, const int32_t *ids, size_t n);
