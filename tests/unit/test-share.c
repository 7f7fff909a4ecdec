/* How long a worker stays in a lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/share.h"

static void test_may_go_on(void **state) {
        static const Share limits = {.max_jobs = 3, .max_usec = 100};
        static const struct {
                unsigned jobs;
                usec_t now;
                int others, may;
        } rows[] = {
                {0, 1000, 1, 1}, {2, 1099, 1, 1},  {3, 1000, 1, 0},
                {4, 1000, 1, 0}, {0, 1100, 1, 0},  {2, 5000, 1, 0},
                {3, 1000, 0, 1}, {99, 5000, 0, 1}, {2, 1099, -1, 1},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                TurnState turn = {.jobs = rows[i].jobs, .began_usec = 1000};
                assert_int_equal(share_may_go_on(&turn, &limits, rows[i].others, rows[i].now),
                                 rows[i].may);
        }
}

static void test_time_without_end(void **state) {
        static const Share limits = {.max_jobs = 3, .max_usec = USEC_INFINITY};
        TurnState turn = {.began_usec = 1000};

        (void) state;
        assert_int_equal(share_may_go_on(&turn, &limits, 1, USEC_INFINITY - 1), 1);
}

/* The promise is "at least every second", so that a delayed job takes its place. */
static void test_claim_bound(void **state) {
        TurnState turn = {.last_id = 42, .looked_usec = 10 * USEC_PER_SEC};

        (void) state;
        assert_int_equal(share_claim_bound(&turn, 10 * USEC_PER_SEC), 42);
        assert_int_equal(share_claim_bound(&turn, 10 * USEC_PER_SEC + USEC_PER_SEC / 10), 42);
        assert_int_equal(share_claim_bound(&turn, 11 * USEC_PER_SEC), 0);
        assert_int_equal(share_claim_bound(&turn, 100 * USEC_PER_SEC), 0);
        turn.last_id = 0;
        assert_int_equal(share_claim_bound(&turn, 10 * USEC_PER_SEC), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_may_go_on),
                cmocka_unit_test(test_time_without_end),
                cmocka_unit_test(test_claim_bound),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
