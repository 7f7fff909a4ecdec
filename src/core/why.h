/*
 * Why a job does not run, or what it is doing, in one sentence: a pure function of what the
 * database says about it. The most fundamental reason is the answer: a job whose CO is suspended
 * would not run either if it were the first of its queue.
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
        X(NO_DAEMON, "no_daemon")             \
        X(NOT_IN_QUEUE, "not_in_queue")       \
        X(LANE_LAPSED, "lane_lapsed")         \
        X(BEHIND_STOPPING, "behind_stopping") \
        X(BEHIND_RUNNING, "behind_running")   \
        X(POOL_FULL, "pool_full")             \
        X(BEHIND_WAITING, "behind_waiting")   \
        X(LANE_HELD, "lane_held")             \
        X(READY, "ready")

typedef enum WhyReason {
#define X(reason, word) WHY_##reason,
        WHY_REASONS(X)
#undef X
                _WHY_REASON_MAX,
} WhyReason;

/* The supervisor behind a runner. */
typedef struct WhySupervisor {
        int32_t id; /* 0: none of ours */
        int is_alive;
        int has_lapsed; /* not seen for its lease; otherwise a dead one's process is gone */
        int64_t seen_ago;
} WhySupervisor;

/* Times are seconds since 1970, or WHEN_NEVER. Texts may be NULL. */
typedef struct WhyFacts {
        int32_t id;
        int is_there;
        int64_t now;
        /* the row */
        int32_t archive_of; /* the live job that this is a copy of, or 0 */
        int is_deleted;
        JobState state; /* _JOB_STATE_NONE: none that we know */
        int32_t co_id;
        const char *plugin, *host;
        int32_t pid;
        int32_t percent; /* -1: none */
        const char *summary, *actor;
        int64_t start_after, started, finished, modified;
        int32_t successor; /* its retry or requeue, or 0 */
        /* around it */
        const char *co_status; /* "-": the CO is not there, or deleted */
        int is_in_queue;
        int32_t ahead, head; /* ready jobs of the CO before it, and the first of them */
        int has_triggers;    /* all of ours are enabled */
        int64_t stalled;     /* since when it has shown no sign of life */
        /* the CO's lane */
        WhySupervisor holder;
        const char *holder_host;
        int32_t holder_pid;
        int64_t holder_since;
        int has_lane; /* it is held by the very worker that the job is assigned to */
        int32_t running;
        JobState running_state;
        int64_t running_since;
        /* who runs it in the foreground, outside any lane */
        WhySupervisor command;
        /* all daemons that are alive */
        int32_t daemons, workers, busy;
} WhyFacts;

typedef struct WhyAnswer {
        WhyReason reason;
        char sentence[WHY_SENTENCE_SIZE];
        int32_t behind;   /* the job that is in the way, or 0 */
        const char *host; /* who runs what the sentence is about, or NULL; as in the facts */
        int32_t pid;
        int64_t since;
} WhyAnswer;

void why_decide(const WhyFacts *facts, WhyAnswer *ret);

const char *why_word(WhyReason reason);
