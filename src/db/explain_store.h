/* Statements that explain a job, and the one that settles a job by an administrator's word. */
#pragma once

#include "core/why.h"
#include "db/job_store.h"
#include "db/lane_store.h"

/* The job of a command of an earlier version. */
#define PARTICIPANT_JOB_UNKNOWN (-1)

/* A daemon or a command with a row in jobd.supervisor. */
typedef struct Participant {
        Peer peer;
        int has_lapsed; /* by the database's clock: one look cannot know more */
        int is_daemon;
        int provides; /* the model of the first ready job of the CO of the job asked about */
        int32_t workers, busy;
        int32_t job_id;      /* that a command runs, 0: none */
        int64_t started;     /* seconds since 1970 */
        int64_t seen_ago;    /* seconds */
        const char *trouble; /* what is in the way of its workers, or NULL; the result's */
        int64_t trouble_since;
} Participant;

void why_supervisors_add(Batch *batch, int32_t id);
/* The number of the column with the host. */
#define WHY_SUPERVISORS_HOST 2
void why_supervisors_read(const PGresult *result, int row, Participant *ret);

/* The facts about one job, without those about supervisors. */
typedef struct WhyRow {
        WhyFacts facts;        /* texts belong to the result; supervisors are empty */
        int32_t supervisor_id; /* whose worker holds the lane of the job's CO, or 0 */
        int has_pid;           /* jobs.assigned_pid is not NULL */
} WhyRow;

void why_job_add(Batch *batch, int32_t id);
void why_job_read(const PGresult *result, int32_t id, WhyRow *ret);

/* A settlement by hand. The statement changes nothing unless state, holder and has_pid are still
 * true. */
typedef struct Settlement {
        int32_t id;
        JobState state;
        Holder holder; /* host may be NULL */
        int has_pid;
        const char *summary, *comment, *actor;
} Settlement;

/* job_finish_read() reads the result. */
void settle_job_add(Batch *batch, const Settlement *settlement);
