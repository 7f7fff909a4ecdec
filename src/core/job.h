/* The states of a job, their names and codes, and the legal steps between them. */
#pragma once

#include <stdint.h>

/* enum, name for people, code in jobs.status */
#define JOB_STATES(X)                       \
        X(QUEUED, "queued", "Q")            \
        X(ASSIGNED, "assigned", "A")        \
        X(IN_PROGRESS, "in progress", "GO") \
        X(COMPLETE, "complete", "OK")       \
        X(FAILED, "failed", "X")            \
        X(CANCELED, "canceled", "CX")

typedef enum JobState {
        _JOB_STATE_NONE, /* "not allowed", in the table of steps */
#define X(state, name, code) JOB_##state,
        JOB_STATES(X)
#undef X
                _JOB_STATE_MAX,
} JobState;

/* What happens to a job. */
#define JOB_EVENTS(X)                     \
        X(ASSIGN, "assign")               \
        X(REJECT, "reject")               \
        X(START, "start")                 \
        X(FINISH_OK, "finish ok")         \
        X(FINISH_FAILED, "finish failed") \
        X(CANCEL, "cancel")               \
        X(WORKER_LOST, "worker lost")

typedef enum JobEvent {
#define X(event, name) JOB_EV_##event,
        JOB_EVENTS(X)
#undef X
                _JOB_EVENT_MAX,
} JobEvent;

/* The state after `event`, or _JOB_STATE_NONE when that step is not legal. */
JobState job_next_state(JobState state, JobEvent event);

/* 1 when no step leads out of it. */
int job_is_final(JobState state);

const char *job_state_name(JobState state);
const char *job_state_code(JobState state);
const char *job_event_name(JobEvent event);

/* The state of a code or a name (any case), or _JOB_STATE_NONE. */
JobState job_state_parse(const char *text);

/*
 * The codes of the states from which `event` is legal, as a PostgreSQL array: what the UPDATE for
 * it expects. Lives for ever.
 */
const char *job_event_expects(JobEvent event);
