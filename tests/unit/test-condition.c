/* The line that `systemctl status` shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/condition.h"
#include "util/macro.h"

static void test_words(void **state) {
        static const struct {
                Condition condition;
                const char *words;
        } rows[] = {
                {{4, 8, 12, 3, 0, 0, DATABASE_UP},
                 "4 of 8 workers busy, 12 queued in 3 COs, database up"},
                {{0, 1, 1, 1, 0, 0, DATABASE_UP},
                 "0 of 1 workers busy, 1 queued in 1 CO, database up"},
                {{0, 8, 0, 0, 0, 0, DATABASE_UP},
                 "0 of 8 workers busy, nothing queued, database up"},
                {{0, 8, -1, 0, 0, 0, DATABASE_UP}, "0 of 8 workers busy, database up"},
                {{8, 8, 10000, 7, 1, 0, DATABASE_UP},
                 "8 of 8 workers busy, more than 10000 queued in 7 COs, database up"},
                {{2, 8, 12, 3, 0, 0, DATABASE_AWAY}, "2 of 8 workers busy, database away"},
                {{0, 8, -1, 0, 0, 0, DATABASE_REFUSES},
                 "0 of 8 workers busy, the database refuses this daemon: see its log"},
                {{1, 8, 2, 2, 0, 1, DATABASE_UP},
                 "stopping: 1 of 8 workers busy, 2 queued in 2 COs, database up"},
        };
        char text[CONDITION_SIZE];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                condition_describe(&rows[i].condition, text);
                assert_string_equal(text, rows[i].words);
        }
}

/* Whatever the numbers are, the line ends as it should. */
static void test_bounds(void **state) {
        Condition huge = {UINT32_MAX, UINT32_MAX, INT64_MAX, INT64_MAX, 1, 1, DATABASE_UP};
        char text[CONDITION_SIZE];
        (void) state;

        condition_describe(&huge, text);
        assert_string_equal(text + strlen(text) - strlen(", database up"), ", database up");
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
                                           cmocka_unit_test(test_bounds)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
