/*
 * The end of a job: its final status and the next claim in one transaction, tried again over new
 * connections while the database is away.
 */
#pragma once

#include "worker/run.h"

/* A lane that this worker holds, and where it is in it. */
typedef struct Lane {
        int32_t co_id;
        int64_t token;
        int32_t generation; /* of the models that this worker provides */
} Lane;

/* What to do in the same transaction as the finish. */
typedef enum FinishNext {
        FINISH_ALONE, /* outside any lane */
        FINISH_FREE,  /* give the lane back */
        FINISH_CLAIM, /* claim the next job, with `bound` */
} FinishNext;

typedef struct FinishReply {
        Claim claim; /* for FINISH_CLAIM; the caller's */
        /*
         * The connection was lost on the way, since the job began: a claim may have been committed
         * without our knowing, the lane given back, or a finish undone. Nothing was done about
         * what comes next, or it is not certain what.
         */
        int is_uncertain;
        int is_undone; /* the job is Queued again, although its plugin was called */
} FinishReply;

/* Returns 0, DB_E_* when the database stayed away too long, or -errno. */
int finish_job(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
               FinishNext next, int32_t bound, FinishReply *ret);
