/* The table of states. `test-job --dot` prints it as the picture in src/README.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/job.h"

#define FOR_STATES(s) for (JobState s = _JOB_STATE_NONE + 1; s < _JOB_STATE_MAX; s++)
#define FOR_EVENTS(e) for (JobEvent e = 0; e < _JOB_EVENT_MAX; e++)

static void test_steps(void **state) {
        static const struct {
                JobState from;
                JobEvent event;
                JobState to;
        } steps[] = {
                {_JOB_STATE_NONE, JOB_EV_REGISTER, JOB_QUEUED},
                {_JOB_STATE_NONE, JOB_EV_REGISTER_HERE, JOB_ASSIGNED},
                {JOB_QUEUED, JOB_EV_ASSIGN, JOB_ASSIGNED},
                {JOB_QUEUED, JOB_EV_CANCEL, JOB_CANCELED},
                {JOB_ASSIGNED, JOB_EV_REJECT, JOB_FAILED},
                {JOB_ASSIGNED, JOB_EV_START, JOB_IN_PROGRESS},
                {JOB_ASSIGNED, JOB_EV_CANCEL, JOB_CANCELED},
                {JOB_ASSIGNED, JOB_EV_WORKER_LOST, JOB_FAILED},
                {JOB_IN_PROGRESS, JOB_EV_FINISH_OK, JOB_COMPLETE},
                {JOB_IN_PROGRESS, JOB_EV_FINISH_FAILED, JOB_FAILED},
                {JOB_IN_PROGRESS, JOB_EV_CANCEL, JOB_CANCELED},
                {JOB_IN_PROGRESS, JOB_EV_WORKER_LOST, JOB_FAILED},
        };
        size_t legal = 0;

        (void) state;
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
                assert_int_equal(job_next_state(steps[i].from, steps[i].event), steps[i].to);
        for (JobState s = _JOB_STATE_NONE; s < _JOB_STATE_MAX; s++)
                FOR_EVENTS(e)
        legal += job_next_state(s, e) != _JOB_STATE_NONE;
        assert_int_equal(legal, sizeof(steps) / sizeof(steps[0]));
}

static void test_final_states_allow_nothing(void **state) {
        (void) state;
        FOR_STATES(s) {
                int is_final = s == JOB_COMPLETE || s == JOB_FAILED || s == JOB_CANCELED;
                assert_int_equal(job_is_final(s), is_final);
                FOR_EVENTS(e)
                if (is_final)
                        assert_int_equal(job_next_state(s, e), _JOB_STATE_NONE);
        }
}

static void test_codes_and_names_are_unique(void **state) {
        (void) state;
        FOR_STATES(a) {
                assert_non_null(job_state_code(a));
                assert_non_null(job_state_name(a));
                assert_true(strlen(job_state_code(a)) == 1 || strlen(job_state_code(a)) == 2);
                assert_int_equal(job_state_parse(job_state_code(a)), a);
                assert_int_equal(job_state_parse(job_state_name(a)), a);
                FOR_STATES(b)
                if (a != b) {
                        assert_string_not_equal(job_state_code(a), job_state_code(b));
                        assert_string_not_equal(job_state_name(a), job_state_name(b));
                }
        }
        FOR_EVENTS(e)
        assert_non_null(job_event_name(e));
        assert_string_equal(job_state_code(JOB_IN_PROGRESS), "GO");
        assert_string_equal(job_state_code(JOB_COMPLETE), "OK");
        assert_string_equal(job_state_code(JOB_FAILED), "X");
}

static void test_parse(void **state) {
        (void) state;
        assert_int_equal(job_state_parse("go"), JOB_IN_PROGRESS);
        assert_int_equal(job_state_parse("In Progress"), JOB_IN_PROGRESS);
        assert_int_equal(job_state_parse("cx"), JOB_CANCELED);
        assert_int_equal(job_state_parse(""), _JOB_STATE_NONE);
        assert_int_equal(job_state_parse("C"), _JOB_STATE_NONE);
        assert_int_equal(job_state_parse("queued "), _JOB_STATE_NONE);
}

/* The array that the UPDATE for an event expects, worked out from the table of steps. */
static void test_expects_agrees_with_steps(void **state) {
        (void) state;
        FOR_EVENTS(e) {
                char array[64] = "{";
                FOR_STATES(s)
                if (job_next_state(s, e)) {
                        if (array[1])
                                strcat(array, ",");
                        strcat(array, job_state_code(s));
                }
                strcat(array, "}");
                assert_string_equal(job_event_expects(e), array);
        }
}

static void test_states_as_an_array(void **state) {
        char array[JOB_STATES_SIZE];

        (void) state;
        job_states_array(0, array);
        assert_string_equal(array, "{}");
        job_states_array(1u << JOB_IN_PROGRESS, array);
        assert_string_equal(array, "{GO}");
        job_states_array(1u << JOB_CANCELED | 1u << JOB_QUEUED, array);
        assert_string_equal(array, "{Q,CX}");
        job_states_array(~0u, array);
        assert_string_equal(array, "{Q,A,GO,OK,X,CX}");
        assert_in_range(strlen(array), 1, JOB_STATES_SIZE - 1);
}

/* Whatever state an event finds, it leads to one. */
static void test_events_lead_to_one_state(void **state) {
        (void) state;
        FOR_EVENTS(e) {
                JobState to = job_event_leads_to(e);
                assert_int_not_equal(to, _JOB_STATE_NONE);
                for (JobState s = _JOB_STATE_NONE; s < _JOB_STATE_MAX; s++)
                        if (job_next_state(s, e))
                                assert_int_equal(job_next_state(s, e), to);
        }
}

static int print_dot(void) {
        (void) printf("digraph job {\n  rankdir=LR;\n  node [shape=box];\n"
                      "  \"\" [shape=point];\n");
        FOR_STATES(s)
        (void) printf("  \"%s\" [label=\"%s\\n%s\"%s];\n", job_state_code(s), job_state_name(s),
                      job_state_code(s), job_is_final(s) ? " peripheries=2" : "");
        for (JobState s = _JOB_STATE_NONE; s < _JOB_STATE_MAX; s++)
                FOR_EVENTS(e)
        if (job_next_state(s, e))
                (void) printf("  \"%s\" -> \"%s\" [label=\"%s\"];\n", s ? job_state_code(s) : "",
                              job_state_code(job_next_state(s, e)), job_event_name(e));
        (void) printf("}\n");
        return 0;
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_steps),
                cmocka_unit_test(test_final_states_allow_nothing),
                cmocka_unit_test(test_codes_and_names_are_unique),
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_expects_agrees_with_steps),
                cmocka_unit_test(test_events_lead_to_one_state),
                cmocka_unit_test(test_states_as_an_array),
        };

        if (argc > 1 && !strcmp(argv[1], "--dot"))
                return print_dot();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
