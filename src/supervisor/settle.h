/*
 * What dead workers leave is settled here: their job becomes Failed with the reason (its retry
 * queued in the same transaction), their lane is given back.
 */
#pragma once

#include "core/outcome.h"
#include "db/lane_store.h"
#include "ipc/status_page.h"
#include "supervisor/link.h"
#include "supervisor/pool.h"
#include "supervisor/tally.h"

/* A worker of ours that died, or another supervisor that did, with all of its workers. */
typedef struct Deceased {
        int32_t supervisor_id;
        int32_t pid; /* of the one worker; 0: the whole supervisor */
        Outcome outcome;
        JobUsage usage;
        const char *why; /* the reason that we ended it ourselves, or NULL */
        Peer peer;       /* the supervisor, when pid is 0 */
        Tally *tally;    /* where its jobs are counted */
} Deceased;

/* `has_failed`: the database went away, or refused: try again later. */
typedef void (*SettleDone)(void *userdata, int64_t number, int has_failed);

/*
 * Settles; `done` is called once, perhaps before this returns. `number` is the caller's.
 * `self` names this host and boot: workers of a dead supervisor that are still here are killed
 * first, and counted as a failure until they are gone.
 */
void settle(Link *link, const Identity *self, const Deceased *deceased, SettleDone done,
            void *userdata, int64_t number);
