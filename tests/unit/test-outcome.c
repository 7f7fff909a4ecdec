/* How a process ended, in words. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/outcome.h"

static void test_words(void **state) {
        static const struct {
                Outcome outcome;
                const char *why;
                const char *words;
        } rows[] = {
                {{OUTCOME_EXITED, 0, 0, 0}, NULL, "terminated unexpectedly (exit code 0)"},
                {{OUTCOME_EXITED, 70, 0, 0}, NULL, "terminated unexpectedly (exit code 70)"},
                {{OUTCOME_SIGNALED, SIGSEGV, 1, 0},
                 NULL,
                 "terminated unexpectedly (killed by SIGSEGV, core dumped)"},
                {{OUTCOME_SIGNALED, SIGKILL, 0, 0},
                 NULL,
                 "terminated unexpectedly (killed by SIGKILL)"},
                {{OUTCOME_SIGNALED, SIGKILL, 0, 1},
                 NULL,
                 "terminated unexpectedly (killed by SIGKILL, probably by the kernel's OOM "
                 "killer)"},
                {{OUTCOME_SIGNALED, 63, 0, 0}, NULL, "terminated unexpectedly (killed by SIG63)"},
                {{OUTCOME_SIGNALED, SIGTERM, 0, 0},
                 "shutdown",
                 "ended by shutdown (killed by SIGTERM)"},
                {{OUTCOME_BELATED, 0, 0, 0},
                 NULL,
                 "terminated unexpectedly (assigned only after its worker had died)"},
                {{OUTCOME_UNKNOWN, 0, 0, 0},
                 NULL,
                 "terminated unexpectedly (its supervisor died as well)"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char text[256];
                outcome_describe(rows[i].outcome, rows[i].why, text, sizeof(text));
                assert_string_equal(text, rows[i].words);
        }
}

static void test_usage(void **state) {
        static const struct {
                JobUsage usage;
                const char *words;
        } rows[] = {
                {{0}, "dead"},
                {{1, 0, 0, 5200000}, "dead; peak memory of its worker 5.2 MB"},
                {{1, 3240000, 1100000, 45200000},
                 "dead; ran 3.2 s, CPU time 1.1 s, peak memory of its worker 45.2 MB"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char text[256] = "dead";
                outcome_add_usage(&rows[i].usage, text, sizeof(text));
                assert_string_equal(text, rows[i].words);
        }
}

static void test_ended_by(void **state) {
        (void) state;
        for (EndedBy by = ENDED_BY_NOBODY + 1; by < _ENDED_BY_MAX; by++)
                assert_non_null(ended_by_words(by));
        assert_null(ended_by_words(ENDED_BY_NOBODY));
        assert_null(ended_by_words(_ENDED_BY_MAX));
        assert_null(ended_by_words((EndedBy) -1));
}

static void test_error(void **state) {
        static const struct {
                int is_lost;
                const char *server, *plugin, *words;
        } rows[] = {
                {0, "sequence used up", "mine", "database error: sequence used up"},
                {0, "", "mine", "database error: mine"},
                {1, "", "", "lost connection to the database: nothing was said about it"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char text[256];
                outcome_describe_error(rows[i].is_lost, rows[i].server, rows[i].plugin, text,
                                       sizeof(text));
                assert_string_equal(text, rows[i].words);
        }
}

/* Every form ends, a Failed job never becomes Failed for another reason, and none comes twice. */
static void test_forms(void **state) {
        (void) state;
        assert_int_equal(outcome_next_form(END_AS_IT_WAS, 0), END_WITHOUT_WORDS);
        assert_int_equal(outcome_next_form(END_WITHOUT_WORDS, 0), _END_FORM_MAX);
        for (EndForm form = END_AS_IT_WAS; form < _END_FORM_MAX; form++)
                assert_int_equal(outcome_next_form(form, 1), form + 1);
}

static void test_is_cut_not_overrun(void **state) {
        char text[12] = "###########";

        (void) state;
        outcome_describe((Outcome){.kind = OUTCOME_EXITED}, "x", text, 8);
        assert_string_equal(text, "ended b");
        assert_int_equal(text[8], '#');
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),    cmocka_unit_test(test_usage),
                cmocka_unit_test(test_ended_by), cmocka_unit_test(test_error),
                cmocka_unit_test(test_forms),    cmocka_unit_test(test_is_cut_not_overrun),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
