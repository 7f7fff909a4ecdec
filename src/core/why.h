/*
 * One sentence about a job: why it does not run, or what it is doing. A pure function of what the
 * database says about the job. Of several reasons the most fundamental one is the answer: a job of
 * a suspended CO would not run even as the first of its queue.
 */
#pragma once

#include <stdint.h>

#include "core/job.h"
#include "core/when.h"

#define WHY_SENTENCE_SIZE 2048

/* enum, word for programs */
#define WHY_REASONS(X)                        \
        X(NO_JOB, "no_such_job")              \
        X(ARCHIVE, "archive_copy")            \
        X(DELETED, "deleted")                 \
        X(NO_STATUS, "unknown_status")        \
        X(COMPLETE, "complete")               \
        X(FAILED, "failed")                   \
        X(CANCELED, "canceled")               \
        X(STOPPING, "canceled_stopping")      \
        X(RUNNING, "running")                 \
        X(STARTING, "starting")               \
        X(STALLED, "stalled")                 \
        X(RUNNER_LAPSED, "runner_lapsed")     \
        X(FOREIGN, "foreign_runner")          \
        X(NOT_DUE, "not_due")                 \
        X(CO_GONE, "co_gone")                 \
        X(CO_SUSPENDED, "co_suspended")       \
        X(CO_TEMPLATE, "co_template")         \
        X(CO_INACTIVE, "co_not_active")       \
        X(HELD, "held")                       \
        X(BEHIND_HELD, "behind_held")         \
        X(NO_DAEMON, "no_daemon")             \
        X(NOT_IN_QUEUE, "not_in_queue")       \
        X(LANE_LAPSED, "lane_lapsed")         \
        X(BEHIND_STOPPING, "behind_stopping") \
        X(BEHIND_RUNNING, "behind_running")   \
        X(NO_MODEL, "no_model")               \
        X(BEHIND_NO_MODEL, "behind_no_model") \
        X(POOL_FULL, "pool_full")             \
        X(REFUSED, "refused")                 \
        X(BEHIND_REFUSED, "behind_refused")   \
        X(BEHIND_WAITING, "behind_waiting")   \
        X(DATABASE, "database_trouble")       \
        X(LANE_HELD, "lane_held")             \
        X(STUCK, "stuck")                     \
        X(BEHIND_STUCK, "behind_stuck")       \
        X(READY, "ready")

typedef enum WhyReason {
#define X(reason, word) WHY_##reason,
        WHY_REASONS(X)
#undef X
                _WHY_REASON_MAX,
} WhyReason;

/* The supervisor that a worker or a foreground job belongs to. */
typedef struct WhySupervisor {
        int32_t id; /* 0: there is none */
        int is_alive;
        int has_lapsed;   /* dead because it was not seen for its lease; 0: because its process is
                             gone */
        int64_t seen_ago; /* seconds */
} WhySupervisor;

/* What a person has held. */
typedef struct WhyHold {
        int is_there;
        int32_t co_id;     /* 0: every CO */
        const char *model; /* "": every model */
        const char *reason, *by;
        int64_t since, until; /* WHEN_NEVER: until it is released */
} WhyHold;

/* Times are seconds since 1970, or WHEN_NEVER. Texts may be NULL. */
typedef struct WhyFacts {
        int32_t id;
        int is_there;
        int64_t now;
        /* the row of the job */
        int32_t archive_of; /* the live job that this is a copy of, or 0 */
        int is_deleted;
        JobState state; /* _JOB_STATE_NONE: an unknown status */
        int32_t co_id;
        const char *plugin, *host;
        int32_t pid;
        int32_t percent; /* -1: none */
        const char *summary, *actor;
        int64_t start_after, started, finished, modified;
        int32_t successor; /* its retry or requeue, or 0 */
        /* the CO and its queue */
        const char *co_status; /* "-": the CO is not there, or deleted */
        int is_in_queue;
        int32_t ahead,
                head; /* number of ready jobs of the CO before this one, and the first of them */
        int has_triggers; /* all triggers of the schema jobd on public.jobs are enabled */
        int64_t stalled;  /* since when the job has shown no sign of life */
        /* the first ready job of the CO: since when it is due, what holds it, and its model, when
         * no daemon provides that; otherwise NULL */
        int64_t ready_since;
        WhyHold hold;
        const char *missing_model;
        const char *problem; /* of a daemon that is to provide others; or NULL */
        int is_stuck;        /* two looks have found it waiting for nothing (why_is_suspicious()) */
        /* the first ready job of the CO, when the database refuses to let it be assigned; 0: none
         */
        int32_t refused;
        int32_t refusals;
        const char *refused_words; /* the server's */
        int64_t refused_since, retry_at;
        /* the CO's lane */
        WhySupervisor holder;
        const char *holder_host;
        int32_t holder_pid;
        int64_t holder_since;
        int has_lane; /* the worker that the job is assigned to holds the lane */
        int32_t running;
        JobState running_state;
        int64_t running_since;
        /* the command that runs the job in the foreground, outside any lane */
        WhySupervisor command;
        /* the daemons that are alive; `others` do not provide the model of the CO's first ready
         * job, and only the workers of those that do are counted */
        int32_t daemons, others, workers, busy;
        int64_t silent;      /* for how many seconds none of them has renewed its lease, although
                                each should have; 0: one has */
        const char *trouble; /* what is in the way of the workers of one, or NULL */
        const char *trouble_host;
        int64_t trouble_since;
} WhyFacts;

typedef struct WhyAnswer {
        WhyReason reason;
        char sentence[WHY_SENTENCE_SIZE];
        int32_t behind; /* the job that this one waits for, or 0 */
        const char
                *host; /* the host and the process in the sentence, or NULL; owned as the facts */
        int32_t pid;
        int64_t since; /* the time in the sentence, or WHEN_NEVER */
} WhyAnswer;

/* Finds the reason, and writes the sentence. */
void why_decide(const WhyFacts *facts, WhyAnswer *answer);

/*
 * 1 for a job that nothing keeps from starting for longer than it should: of a lane that was given
 * back a moment ago, or a job that is just being taken, another look does not find the same.
 */
int why_is_suspicious(const WhyFacts *facts, const WhyAnswer *answer);

/* The word for programs. */
const char *why_word(WhyReason reason);
