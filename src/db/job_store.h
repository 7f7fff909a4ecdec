/* What is asked of and done to public.jobs. Functions that end in _add append to a batch. */
#pragma once

#include "core/job.h"
#include "db/db.h"

/* Whom a job is assigned to, as its row says. */
typedef struct Holder {
        const char *host;
        int32_t pid;
} Holder;

/* A claimed job. */
typedef struct Job {
        int32_t id;
        int32_t co_id;
        char *plugin;     /* NULL when the row has none */
        char *parameters; /* NULL when the row has none, or more than PARAMS_MAX_BYTES */
        int64_t size;     /* bytes of the parameters */
        int32_t wait;     /* seconds from being due to being claimed; -1: not known */
} Job;

void job_done(Job *job);
static inline void job_donep(Job *job) {
        job_done(job);
}

typedef enum ClaimResult {
        CLAIM_EMPTY, /* nothing is ready, or the lane is not ours any more */
        CLAIM_LOST,  /* somebody else was faster, or the queue's row is wrong: look again */
        CLAIM_JOB,
} ClaimResult;

void job_claim_add(Batch *batch, int32_t co_id, int64_t token, Holder holder, int32_t bound);

/*
 * The job that the holder has in its lane after a lost connection: read as a claim, and whether it
 * is Assigned or In Progress by job_resume_status(). Behind lane_resume_add().
 */
void job_resume_add(Batch *batch, int32_t co_id, int64_t token, Holder holder);
JobState job_resume_status(const PGresult *result);

/* Assigns a job again whose claim was undone: see job_reclaim.sql. */
void job_reclaim_add(Batch *batch, int32_t id, int32_t co_id, int64_t token, Holder holder);

/* `ret_head` gets the id that was at the head of the queue; `ret` is written for CLAIM_JOB. */
int job_claim_read(const PGresult *result, ClaimResult *ret_result, int32_t *ret_head, Job *ret);

void job_start_add(Batch *batch, int32_t id, Holder holder, const char *summary);
void job_progress_add(Batch *batch, int32_t id, Holder holder, int percent);
void job_start_summary_add(Batch *batch, int32_t id, Holder holder, const char *summary);

void job_finish_add(Batch *batch, int32_t id, JobEvent event, JobState status, const char *summary,
                    Holder holder);

/* What a finish did. */
typedef struct Finished {
        int32_t id;        /* 0: the row was not as expected, nothing was changed */
        int32_t successor; /* id of the retry or requeue, or 0 */
        char start_after[32];
        int32_t waiting; /* the job because of which the successor was refused, or 0 */
} Finished;

/* Row `row`; rows of holder_settle have the same four columns first. */
void job_finish_read(const PGresult *result, int row, Finished *ret);

void job_status_add(Batch *batch, int32_t id);
JobState job_status_read(const PGresult *result);
const char *job_status_summary(const PGresult *result); /* of the finish; "" when there is none */

/* How the plugin of a canceled job ended, as a history record. */
void job_stopped_add(Batch *batch, int32_t id, const char *comment);

void job_cancel_add(Batch *batch, int32_t id, const char *summary, const char *actor);

/* What it takes to register a job. Zero intervals and negative max_retry mean none. */
typedef struct Registration {
        int32_t co_id;
        const char *plugin;
        const char *parameters;
        Holder runner; /* host not NULL: Assigned to it at once, not Queued */
        int32_t delay; /* seconds, like the intervals */
        int32_t requeue_interval;
        int32_t retry_interval;
        int32_t max_retry;
        const char *summary;
        const char *actor;
        int may_duplicate;
        int32_t retried_job_id;
} Registration;

/* Two statements: the lock, then the registration. Its result: id, or the job that waits. */
void job_register_add(Batch *batch, const Registration *registration);
