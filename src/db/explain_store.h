/* What is asked to explain a job, and to settle one by an administrator's word. */
#pragma once

#include "core/why.h"
#include "db/job_store.h"
#include "db/lane_store.h"

/* A daemon or command that takes part. */
typedef struct Participant {
        Peer peer;
        int is_daemon;
        int32_t workers, busy;
        int64_t started;         /* seconds since 1970 */
        int64_t seen_ago, lease; /* seconds */
} Participant;

void why_supervisors_add(Batch *batch);
/* The column that has the host. */
#define WHY_SUPERVISORS_HOST 2
void why_supervisors_read(const PGresult *result, int row, Participant *ret);

/* Which supervisor's worker holds the lane of the job's CO, beside the facts. */
typedef struct WhyRow {
        WhyFacts facts; /* texts belong to the result; supervisors are not filled in */
        int32_t supervisor_id;
        int has_pid; /* jobs.assigned_pid is not NULL */
} WhyRow;

void why_job_add(Batch *batch, int32_t id);
void why_job_read(const PGresult *result, int32_t id, WhyRow *ret);

/* What a settling by hand needs to know and to say; the first three are the evidence. */
typedef struct Settlement {
        int32_t id;
        JobState state;
        Holder holder; /* host may be NULL */
        int has_pid;
        const char *summary, *comment, *actor;
} Settlement;

/* Its result is for job_finish_read(). */
void settle_job_add(Batch *batch, const Settlement *settlement);
