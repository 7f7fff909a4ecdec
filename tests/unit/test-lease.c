/* What follows from the length of a lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/lease.h"

/* The worst case: silence begins right after a renewal, and is met by the next heartbeat. */
static void test_silence_is_mended_in_time(void **state) {
        (void) state;
        for (usec_t lease = 6 * USEC_PER_SEC; lease <= 3600 * USEC_PER_SEC; lease += USEC_PER_SEC) {
                LeaseTimes t = lease_times(lease);
                usec_t heartbeat = lease / 6;
                assert_true(heartbeat + t.deadline_usec + t.connect_usec <=
                            lease_stop_at(lease, lease));
                assert_true(t.statement_usec < t.deadline_usec);
        }
}

/* Word, SIGTERM, SIGKILL: over before others may take the lanes. */
static void test_the_end_fits(void **state) {
        (void) state;
        for (usec_t lease = 3 * USEC_PER_SEC; lease <= 3600 * USEC_PER_SEC; lease += USEC_PER_SEC)
                assert_true(lease_stop_at(lease, lease) + 2 * lease_times(lease).step_usec < lease);
}

/* The watches have ended everything by then. */
static void test_others_wait_longer(void **state) {
        (void) state;
        for (usec_t lease = USEC_PER_SEC; lease <= 3600 * USEC_PER_SEC; lease += USEC_PER_SEC)
                assert_true(lease_patience(lease) >= lease + lease / 20);
        assert_true(lease_patience(USEC_INFINITY) == USEC_INFINITY);
}

static void test_no_lease(void **state) {
        (void) state;
        assert_int_equal(lease_stop_at(0, 30 * USEC_PER_SEC), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silence_is_mended_in_time),
                cmocka_unit_test(test_the_end_fits),
                cmocka_unit_test(test_others_wait_longer),
                cmocka_unit_test(test_no_lease),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
