/*
 * Finds rows of jobs that came without our triggers (from a subscription, a restore, a session with
 * session_replication_role), or whose trigger met an error, and puts the queue right: at each sweep
 * what is above the highest id seen, with an overlap, and some rows more, so that the whole table
 * is looked at within a day.
 */
#pragma once

#include <ev.h>
#include <stdint.h>

typedef struct Supervisor Supervisor;

typedef struct CatchUp {
        ev_timer timer;
        int32_t seen; /* the highest id that was looked at */
        int32_t next; /* where the walk goes on */
        int is_asking;
        int has_failed; /* the last look: it was said */
} CatchUp;

void catch_up_init(Supervisor *s);
void catch_up_done(Supervisor *s);

/* The whole queue was just repaired; `highest` is the highest id of jobs. */
void catch_up_begin(Supervisor *s, int64_t highest);

/* Forgets what was on its way over a lost connection, and looks no more. */
void catch_up_disconnect(Supervisor *s);
