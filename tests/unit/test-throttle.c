/* So many in a time, and the rest is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/throttle.h"

static unsigned passes(Throttle *throttle, unsigned tries, usec_t now) {
        unsigned n = 0;
        for (unsigned i = 0; i < tries; i++)
                n += throttle_pass(throttle, 3, USEC_PER_SEC, now) != 0;
        return n;
}

static void test_limit(void **state) {
        Throttle throttle = {0};
        (void) state;

        assert_int_equal(passes(&throttle, 2, 1000), 2);
        assert_int_equal(throttle_take_held(&throttle), 0);
        assert_int_equal(passes(&throttle, 5, 2000), 1);
        assert_int_equal(throttle_take_held(&throttle), 4);
        assert_int_equal(throttle_take_held(&throttle), 0);
        /* The time is over at its end, not a moment before. */
        assert_int_equal(passes(&throttle, 1, 1000 + USEC_PER_SEC - 1), 0);
        assert_int_equal(passes(&throttle, 5, 1000 + USEC_PER_SEC), 3);
        assert_int_equal(throttle_take_held(&throttle), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_limit)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
