/* Every row within a day, a bounded number at once, and never less often than the sweep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/patrol.h"
#include "util/macro.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

static void test_all_within_a_day(void **state) {
        static const int32_t ids[] = {0, 1, 99, 100, 5000, 1000000, 100000000, INT32_MAX};
        static const usec_t sweeps[] = {USEC_PER_SEC, 10 * USEC_PER_SEC, 3600 * USEC_PER_SEC};
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                for (size_t j = 0; j < ARRAY_SIZE(sweeps); j++) {
                        PatrolStep step = patrol_step(ids[i], sweeps[j]);
                        usec_t steps = (usec_t) (ids[i] / step.rows) + 2;
                        assert_in_range(step.rows, PATROL_ROWS_MIN, PATROL_ROWS_MAX);
                        assert_in_range(step.next_usec, 1, sweeps[j]);
                        assert_true(steps * step.next_usec <= DAY_USEC);
                }
}

static void test_few_rows_when_there_is_time(void **state) {
        (void) state;
        /* 8,280 sweeps of ten seconds */
        PatrolStep step = patrol_step(1000000, 10 * USEC_PER_SEC);
        assert_int_equal(step.next_usec, 10 * USEC_PER_SEC);
        assert_in_range(step.rows, 121, 122);
        /* A table of two billion: the largest step, some a second. */
        step = patrol_step(INT32_MAX, 10 * USEC_PER_SEC);
        assert_int_equal(step.rows, PATROL_ROWS_MAX);
        assert_in_range(step.next_usec, USEC_PER_SEC / 2, USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_within_a_day),
                cmocka_unit_test(test_few_rows_when_there_is_time),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
