/* The states of a job, with their names and codes, and the legal steps between them. */
#pragma once

#include <stdint.h>

/* enum, name for people, code in public.jobs.status */
#define JOB_STATES(X)                       \
        X(QUEUED, "queued", "Q")            \
        X(ASSIGNED, "assigned", "A")        \
        X(IN_PROGRESS, "in progress", "GO") \
        X(COMPLETE, "complete", "OK")       \
        X(FAILED, "failed", "X")            \
        X(CANCELED, "canceled", "CX")

typedef enum JobState {
        _JOB_STATE_NONE, /* before the first status; as the end of a step: not legal */
#define X(state, name, code) JOB_##state,
        JOB_STATES(X)
#undef X
                _JOB_STATE_MAX,
} JobState;

/* Events that change the state of a job. */
#define JOB_EVENTS(X)                     \
        X(REGISTER, "register")           \
        X(REGISTER_HERE, "register here") \
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

/*
 * The state after `event`, or _JOB_STATE_NONE when that step is not legal. A new row comes from
 * _JOB_STATE_NONE.
 */
JobState job_next_state(JobState state, JobEvent event);

/* The state that every legal step of `event` ends in: what the statement for it writes. */
JobState job_event_leads_to(JobEvent event);

/*
 * Writes a set of states as a PostgreSQL array of their codes: bit 1u << JOB_x for each of them.
 * The array has room for all states.
 */
#define X(state, name, code) +sizeof(code)
enum { JOB_STATES_SIZE = 3 JOB_STATES(X) };
#undef X
void job_states_array(unsigned set, char array[JOB_STATES_SIZE]);

/* 1 when no step leads out of the state. */
int job_is_final(JobState state);

const char *job_state_name(JobState state);
const char *job_state_code(JobState state);
const char *job_event_name(JobEvent event);

/* The state with that code or name, in any case of letters; or _JOB_STATE_NONE. */
JobState job_state_parse(const char *text);

/*
 * The codes of the states from which `event` is legal, as a PostgreSQL array: what the UPDATE for
 * the event expects. The string is static.
 */
const char *job_event_expects(JobEvent event);
