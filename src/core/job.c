/*
 * DESIGN.md, law 2, as a table. Every statement that writes the status of a job declares its steps
 * in a line "-- step:"; tests/unit/test-steps.c compares the declaration, the statement and this
 * table. Statuses that are parameters of a statement are taken from the table by db/job_store.c.
 * tests/unit/test-job.c prints the table as the picture in src/README.md.
 */
#include "core/job.h"

#include <string.h>
#include <strings.h>

static const struct {
        const char *name;
        const char *code;
} states[_JOB_STATE_MAX] = {
#define X(state, state_name, state_code) [JOB_##state] = {state_name, state_code},
        JOB_STATES(X)
#undef X
};

static const char *const events[_JOB_EVENT_MAX] = {
#define X(event, name) [JOB_EV_##event] = name,
        JOB_EVENTS(X)
#undef X
};

static const JobState steps[_JOB_STATE_MAX][_JOB_EVENT_MAX] = {
        [_JOB_STATE_NONE] =
                {
                        [JOB_EV_REGISTER] = JOB_QUEUED,
                        [JOB_EV_REGISTER_HERE] = JOB_ASSIGNED, /* registry-job -s */
                },
        [JOB_QUEUED] =
                {
                        [JOB_EV_ASSIGN] = JOB_ASSIGNED,
                        [JOB_EV_CANCEL] = JOB_CANCELED,
                },
        [JOB_ASSIGNED] =
                {
                        [JOB_EV_REJECT] = JOB_FAILED,
                        [JOB_EV_START] = JOB_IN_PROGRESS,
                        [JOB_EV_CANCEL] = JOB_CANCELED,
                        [JOB_EV_WORKER_LOST] = JOB_FAILED,
                },
        [JOB_IN_PROGRESS] =
                {
                        [JOB_EV_FINISH_OK] = JOB_COMPLETE,
                        [JOB_EV_FINISH_FAILED] = JOB_FAILED,
                        [JOB_EV_CANCEL] = JOB_CANCELED,
                        [JOB_EV_WORKER_LOST] = JOB_FAILED,
                },
};

/* The table `steps` read from an event to its states; tests/unit/test-job.c compares the two. */
static const char *const expects[_JOB_EVENT_MAX] = {
        [JOB_EV_REGISTER] = "{}",        [JOB_EV_REGISTER_HERE] = "{}",
        [JOB_EV_ASSIGN] = "{Q}",         [JOB_EV_REJECT] = "{A}",
        [JOB_EV_START] = "{A}",          [JOB_EV_FINISH_OK] = "{GO}",
        [JOB_EV_FINISH_FAILED] = "{GO}", [JOB_EV_CANCEL] = "{Q,A,GO}",
        [JOB_EV_WORKER_LOST] = "{A,GO}",
};

JobState job_next_state(JobState state, JobEvent event) {
        return steps[state][event];
}

JobState job_event_leads_to(JobEvent event) {
        for (JobState state = _JOB_STATE_NONE; state < _JOB_STATE_MAX; state++)
                if (steps[state][event])
                        return steps[state][event];
        return _JOB_STATE_NONE;
}

int job_is_final(JobState state) {
        for (JobEvent event = 0; event < _JOB_EVENT_MAX; event++)
                if (steps[state][event])
                        return 0;
        return 1;
}

const char *job_state_name(JobState state) {
        return states[state].name;
}

const char *job_state_code(JobState state) {
        return states[state].code;
}

const char *job_event_name(JobEvent event) {
        return events[event];
}

JobState job_state_parse(const char *text) {
        for (JobState state = _JOB_STATE_NONE + 1; state < _JOB_STATE_MAX; state++)
                if (!strcasecmp(text, states[state].code) || !strcasecmp(text, states[state].name))
                        return state;
        return _JOB_STATE_NONE;
}

void job_states_array(unsigned set, char array[JOB_STATES_SIZE]) {
        char *end = stpcpy(array, "{");

        for (JobState state = _JOB_STATE_NONE + 1; state < _JOB_STATE_MAX; state++)
                if (set & 1u << state)
                        end = stpcpy(stpcpy(end, end[-1] == '{' ? "" : ","), states[state].code);
        (void) stpcpy(end, "}");
}

const char *job_event_expects(JobEvent event) {
        return expects[event];
}
