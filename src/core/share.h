/* How long a worker stays in a lane: pure decisions of one turn. */
#pragma once

#include "util/clock.h"

typedef struct Share {
        unsigned max_jobs; /* share of a turn while other COs wait */
        usec_t max_usec;
} Share;

typedef struct TurnState {
        unsigned jobs;      /* run in this turn */
        usec_t began_usec;  /* of the turn */
        usec_t looked_usec; /* when the queue was last searched from its beginning */
        int32_t last_id;    /* job claimed last, 0 before the first */
} TurnState;

/* 1 while another job may be claimed: share not used up, or nobody else waits for the worker. */
int share_may_go_on(const TurnState *turn, const Share *limits, int others_wait, usec_t now_usec);

/*
 * The lower bound of the next claim: the last id, so that what an old snapshot keeps in the index
 * is not read again; 0 at least every second, so that a delayed job takes its place (DESIGN.md, law
 * 1).
 */
int32_t share_claim_bound(const TurnState *turn, usec_t now_usec);
