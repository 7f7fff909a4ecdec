/*
 * The end of a job: its final status and what comes next in one transaction, tried again over new
 * connections while the database is away. What a plugin worked for hours is not thrown away because
 * the database restarted in its last minute.
 */
#pragma once

#include "worker/run.h"

/* A lane that this worker holds, and where it is in it. */
typedef struct Lane {
        int32_t co_id;
        int64_t token;
} Lane;

/* What to do in the same transaction as the finish. */
typedef enum FinishNext {
        FINISH_ALONE, /* outside any lane */
        FINISH_FREE,  /* give the lane back */
        FINISH_CLAIM, /* claim the next job, with `bound` */
} FinishNext;

typedef struct FinishReply {
        ClaimResult claim; /* for FINISH_CLAIM */
        int32_t head;
        Job job; /* the caller's, for CLAIM_JOB */
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
