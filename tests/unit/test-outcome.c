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
                {{OUTCOME_EXITED, 0, 0}, NULL, "terminated unexpectedly (exit code 0)"},
                {{OUTCOME_EXITED, 70, 0}, NULL, "terminated unexpectedly (exit code 70)"},
                {{OUTCOME_SIGNALED, SIGSEGV, 1},
                 NULL,
                 "terminated unexpectedly (killed by SIGSEGV, core dumped)"},
                {{OUTCOME_SIGNALED, SIGKILL, 0},
                 NULL,
                 "terminated unexpectedly (killed by SIGKILL)"},
                {{OUTCOME_SIGNALED, 63, 0}, NULL, "terminated unexpectedly (killed by SIG63)"},
                {{OUTCOME_SIGNALED, SIGTERM, 0},
                 "shutdown",
                 "ended by shutdown (killed by SIGTERM)"},
                {{OUTCOME_UNKNOWN, 0, 0},
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

static void test_is_cut_not_overrun(void **state) {
        char text[12] = "###########";

        (void) state;
        outcome_describe((Outcome){.kind = OUTCOME_EXITED}, "x", text, 8);
        assert_string_equal(text, "ended b");
        assert_int_equal(text[8], '#');
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_is_cut_not_overrun),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
