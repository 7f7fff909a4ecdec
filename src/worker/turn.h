/* A worker's stay in one lane: take it, run what is due, give it back. */
#pragma once

#include "core/share.h"
#include "ipc/channel.h"
#include "worker/finish.h"

#define TURN_E_LOST 80 /* beside DB_E_* and RECORDER_E_*: what the worker holds is in doubt */

typedef struct TurnContext {
        Runner *runner;
        _Atomic int64_t *budget; /* jobs that all workers may run together; NULL: no limit */
        int32_t supervisor_id;
        int32_t generation;  /* of the models that this worker provides */
        int64_t start_ticks; /* of this process */
} TurnContext;

typedef struct TurnResult {
        TurnEnd end;
        unsigned jobs;
        int is_worn;            /* this process is to run no other job */
        char why[SUMMARY_SIZE]; /* TURN_DOWN: why programs do not start; "": they tell others */
} TurnResult;

/*
 * Serves one CO. Returns 0 with how it ended and how many jobs ran; a non-zero result means that
 * the worker must end, and what it holds is settled by the supervisor: TURN_E_LOST, which is
 * logged, after a lost connection; DB_E_*; -errno.
 */
int turn_run(const TurnContext *context, int32_t co_id, TurnResult *ret);
