/*
 * Statements about public.jobs. A function *_add() appends a statement to a batch, *_read() reads
 * its result.
 */
#pragma once

#include "core/change.h"
#include "db/db.h"

/* The process that a job is assigned to: jobs.assigned_host and jobs.assigned_pid. */
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
        int32_t wait;     /* seconds from when the job was due to its claim; -1: unknown */
} Job;

void job_done(Job *job);
static inline void job_donep(Job *job) {
        job_done(job);
}

typedef enum ClaimResult {
        CLAIM_EMPTY, /* no job is ready, or the first one cannot run here, or the lane is lost */
        CLAIM_LOST,  /* another claim was faster, or the row in jobd.queue is wrong: claim again */
        CLAIM_WAITS, /* the program of the first job has to be started before */
        CLAIM_JOB,
} ClaimResult;

/* The answer to a claim, wherever it was sent from. All zero: nothing was claimed. */
typedef struct Claim {
        ClaimResult result;
        int32_t head; /* id at the head of the queue; 0: it was empty */
        Job job;      /* the caller's, for CLAIM_JOB: claim_done() */
} Claim;

static inline void claim_done(Claim *claim) {
        job_done(&claim->job);
        *claim = (Claim){0};
}

/* What a claim goes by. */
typedef struct ClaimTerms {
        int32_t bound;      /* the queue is read from there on; 0: all of it */
        int32_t generation; /* of the worker's models: supervisor_models_add() */
        int has_programs;   /* its programs run that have to before their jobs are claimed */
} ClaimTerms;

void job_claim_add(Batch *batch, int32_t co_id, int64_t token, Holder holder,
                   const ClaimTerms *terms);

/*
 * After a lost connection: finds the job that the holder has in its lane. Follows lane_resume_add()
 * in a batch. job_claim_read() reads the job, job_resume_status() its status: Assigned or In
 * Progress.
 */
void job_resume_add(Batch *batch, int32_t co_id, int64_t token, Holder holder);
JobState job_resume_status(const PGresult *result);

/* Assigns a job again whose claim a failover has undone: see job_reclaim.sql. */
void job_reclaim_add(Batch *batch, int32_t id, int32_t co_id, int64_t token, Holder holder);

/* Returns 0 or -ENOMEM. */
int job_claim_read(const PGresult *result, Claim *ret);

/* An empty summary is none: see job_finish_add(). */
void job_start_add(Batch *batch, int32_t id, Holder holder, const char *summary);
void job_progress_add(Batch *batch, int32_t id, Holder holder, int percent);
void job_start_summary_add(Batch *batch, int32_t id, Holder holder, const char *summary);

/*
 * Ends the job by `event`: the table in core/job.c gives the status that the row gets. An empty
 * summary is none. With `insists`, an error of the successor that time may mend is an error of the
 * statement; without, the job ends without a successor.
 */
void job_finish_add(Batch *batch, int32_t id, JobEvent event, const char *summary, Holder holder,
                    int insists);

#define HELD_SIZE 512

/* The result of a finish. */
typedef struct Finished {
        int32_t id;        /* 0: nothing was changed, because the row was not as expected */
        int32_t successor; /* the retry or requeue, or 0 */
        char start_after[32];
        int32_t waiting;      /* the waiting job that makes a successor a duplicate, or 0 */
        char held[HELD_SIZE]; /* what is held because of this failure, and why; "": nothing */
} Finished;

/* Reads one row. The first columns of settle.sql and settle_job.sql are the same. */
void job_finish_read(const PGresult *result, int row, Finished *ret);

void job_status_add(Batch *batch, int32_t id);
JobState job_status_read(const PGresult *result);
const char *job_status_summary(const PGresult *result); /* the finish summary, or "" */
/* 1 when the job is assigned to that host and PID. */
int job_status_is_held(const PGresult *result, Holder holder);

/* Writes a history record that says how the plugin of a canceled job ended. */
void job_stopped_add(Batch *batch, int32_t id, const char *comment);

void job_cancel_add(Batch *batch, int32_t id, const char *summary, const char *actor);

/* A job to register. 0 means no interval, a negative max_retry no limit. */
typedef struct Registration {
        int32_t co_id;
        const char *plugin;
        const char *parameters;
        Holder runner;     /* the process that runs the job at once; host NULL: the job is queued */
        int32_t runner_id; /* of its row in jobd.supervisor, where the job is noted; or 0 */
        int32_t delay;     /* seconds, like the intervals */
        int32_t requeue_interval;
        int32_t retry_interval;
        int32_t max_retry;
        int is_requeued_always; /* also after a failure that no retry follows */
        const char *summary;
        const char *actor;
        int may_duplicate;
        const char *key; /* of which only one job is registered; or NULL */
} Registration;

/*
 * Adds two statements: the lock, then the registration. job_register_read() reads the
 * reply. DB_E_CONFLICT: its key was used in another CO at the same moment; try again.
 */
void job_register_add(Batch *batch, const Registration *registration);

/* What became of a registration. All zero: it could not be found out in time. */
typedef struct Registered {
        int32_t id;      /* the new job, or 0 */
        int32_t waiting; /* the job that makes it a duplicate, or 0 */
        int32_t earlier; /* the job that was registered with its key before, or 0 */
} Registered;

void job_register_read(const DbReply *reply, Registered *ret);

/* Asks for jobs by their ids; rows come in any order. */
void job_look_add(Batch *batch, const int32_t *ids, size_t n);

/* Asks for those of the jobs that failed for good; rows come in the order of the ids. */
void job_failed_add(Batch *batch, const int32_t *ids, size_t n);

enum {
        JOB_FAILED_ID,
        JOB_FAILED_CO,
        JOB_FAILED_PLUGIN = 3
}; /* its columns; all are JSON members */

/* Texts are of the result. */
void job_look_read(const PGresult *result, int row, ChangeFacts *ret);

/*
 * Adds three statements: the lock of the CO, a limit of 5 s, and one that queues Failed or Canceled
 * jobs of the CO again; result JOB_RETRY_RESULT has a row for each id. Where it takes longer to
 * find out what is a duplicate, the SQLSTATE is 57014. `who` is for the summaries.
 */
#define JOB_RETRY_RESULT 2
void job_retry_add(Batch *batch, int32_t co_id, const int32_t *ids, size_t n, const char *who,
                   const char *actor, int may_duplicate);

typedef struct Retried {
        int32_t id; /* the new job; 0: there is none */
        ChangeFacts facts;
} Retried;

/* Texts are of the result. */
void job_retry_read(const PGresult *result, int row, Retried *ret);
