/* Rate and time left of running jobs, and when nothing is said about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/progress.h"

static void test_guess(void **state) {
        static const struct {
                int64_t done, total, seconds;
                const char *says; /* NULL: nothing is known */
        } rows[] = {
                {50, 100, 60, "50 %/min, about 60 s left"},
                {25, 100, 600, "2.5 %/min, about 30 min left"},
                {1, 100, 10, "6.0 %/min, about 16 min left"},
                {1, 100, 3600, "1.0 %/h, about 4 days left"},
                {1, 100, 86400, "1.0 %/day, about 99 days left"},
                {1, 100, 864000, "0.1 %/day, about 990 days left"},
                {99, 100, 10, "9.9 %/s, about 0 s left"},
                {99, 100, 40, "2.5 %/s, about 0 s left"},
                {597, 1000, 60, "60 %/min, about 40 s left"},
                {996, 1000, 10, "10 %/s, about 0 s left"}, /* not "10.0" */
                /* any unit of work, and numbers of any size */
                {3, 4, 100, "45 %/min, about 33 s left"},
                {1, INT64_MAX, INT64_MAX, "0.0 %/day, about 36500 days left"},
                /* nothing is known: no total, nothing done, all done, more than all */
                {50, 0, 60, NULL},
                {0, 100, 60, NULL},
                {-1, 100, 60, NULL},
                {100, 100, 60, NULL},
                {101, 100, 60, NULL},
                {-5, -1, 60, NULL},
                /* it has just begun, or the clock was set */
                {50, 100, PROGRESS_LEAST_SECONDS - 1, NULL},
                {50, 100, 0, NULL},
                {50, 100, -1000, NULL},
        };
        char text[WHEN_SIZE];

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Progress progress = {0};
                int is_known =
                        progress_guess(rows[i].done, rows[i].total, rows[i].seconds, &progress);
                assert_int_equal(is_known, rows[i].says != NULL);
                if (!is_known)
                        continue;
                progress_say(&progress, text);
                assert_string_equal(text, rows[i].says);
        }
}

/* A job that stands still gets slower, and its end goes away. */
static void test_standing_still(void **state) {
        Progress before, after;

        (void) state;
        assert_int_equal(progress_guess(50, 100, 100, &before), 1);
        assert_int_equal(progress_guess(50, 100, 1000, &after), 1);
        assert_true(after.percent_per_hour < before.percent_per_hour);
        assert_int_equal(before.seconds_left, 100);
        assert_int_equal(after.seconds_left, 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_guess),
                cmocka_unit_test(test_standing_still),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
