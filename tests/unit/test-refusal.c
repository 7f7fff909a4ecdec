/* A refused job is tried again after pauses, and said ever more rarely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/refusal.h"

static void test_policies(void **state) {
        RefusalPolicy lasting = refusal_policy(1), passing = refusal_policy(0);

        (void) state;
        assert_true(lasting.first_usec >= USEC_PER_SEC / 2);
        assert_true(lasting.max_usec > lasting.first_usec);
        assert_int_equal(passing.first_usec, 0);
        assert_int_equal(passing.max_usec, 0);
}

static void test_said(void **state) {
        unsigned said = 0;

        (void) state;
        assert_int_equal(refusal_is_said(0), 0);
        assert_int_equal(refusal_is_said(-1), 0);
        for (int32_t n = 1; n <= 100000; n++)
                said += (unsigned) refusal_is_said(n);
        assert_int_equal(refusal_is_said(1), 1);
        assert_int_equal(refusal_is_said(3), 0);
        assert_int_equal(refusal_is_said(4), 1);
        assert_int_equal(said, 17);
        assert_int_equal(refusal_is_said(INT32_MAX), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_policies),
                cmocka_unit_test(test_said),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
