/* Delays double, stop growing, and are moved by at most a quarter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/backoff.h"

static const Backoff policy = {.first_usec = 100, .max_usec = 3000};

static void test_doubles_up_to_the_maximum(void **state) {
        static const struct {
                unsigned failures;
                usec_t delay;
        } rows[] = {{1, 100},  {2, 200},  {3, 400},    {4, 800},
                    {5, 1600}, {6, 3000}, {100, 3000}, {UINT32_MAX, 3000}};

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(backoff_delay(&policy, rows[i].failures, 0), rows[i].delay);
}

static void test_random_takes_up_to_a_quarter(void **state) {
        usec_t least = USEC_INFINITY, most = 0;

        (void) state;
        for (uint32_t random = 0; random < 5000; random++) {
                usec_t delay = backoff_delay(&policy, 9, random);
                least = delay < least ? delay : least;
                most = delay > most ? delay : most;
        }
        assert_int_equal(most, 3000);
        assert_true(least >= 2250 && least <= 2260);
        usec_t delay = backoff_delay(&policy, 9, UINT32_MAX);
        assert_true(delay >= 2250 && delay <= 3000);
}

/* What fails again soon after it succeeded is tried ever less; what has lasted begins anew. */
static void test_count(void **state) {
        static const struct {
                unsigned failures;
                usec_t stayed_usec;
                unsigned count;
        } rows[] = {{0, 0, 1},    {1, 0, 2},    {5, 2999, 6},
                    {5, 3000, 1}, {0, 3000, 1}, {UINT32_MAX, 0, UINT32_MAX}};

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(backoff_count(&policy, rows[i].failures, rows[i].stayed_usec),
                                 rows[i].count);
}

static void test_large_policies_do_not_overflow(void **state) {
        const Backoff large = {.first_usec = USEC_PER_SEC, .max_usec = 365 * 86400 * USEC_PER_SEC};

        (void) state;
        for (unsigned failures = 1; failures < 200; failures++) {
                usec_t delay = backoff_delay(&large, failures, 1023);
                assert_true(delay >= USEC_PER_SEC * 3 / 4 && delay <= large.max_usec);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_doubles_up_to_the_maximum),
                cmocka_unit_test(test_random_takes_up_to_a_quarter),
                cmocka_unit_test(test_count),
                cmocka_unit_test(test_large_policies_do_not_overflow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
