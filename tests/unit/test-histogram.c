/* Every length of time has one bucket, and the bounds are told as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/histogram.h"

static void test_bounds_ascend(void **state) {
        (void) state;
        for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
                assert_true(histogram_bound(i - 1) < histogram_bound(i));
        assert_true(histogram_bound(0) <= USEC_PER_MSEC);
        assert_true(histogram_bound(HISTOGRAM_BOUNDS - 1) == 86400 * USEC_PER_SEC);
        assert_true(histogram_bound(HISTOGRAM_SECOND) == USEC_PER_SEC);
}

static void test_labels_say_the_bounds(void **state) {
        (void) state;
        for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
                char *end;
                double seconds = strtod(histogram_label(i), &end);
                assert_int_equal(*end, '\0');
                assert_int_equal((usec_t) (seconds * 1e6 + 0.5), histogram_bound(i));
        }
}

/* A bound belongs to its own bucket, what is longer to the next. */
static void test_buckets(void **state) {
        (void) state;
        assert_int_equal(histogram_bucket(0), 0);
        for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
                assert_int_equal(histogram_bucket(histogram_bound(i)), i);
                assert_int_equal(histogram_bucket(histogram_bound(i) + 1), i + 1);
        }
        assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bounds_ascend),
                cmocka_unit_test(test_labels_say_the_bounds),
                cmocka_unit_test(test_buckets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
