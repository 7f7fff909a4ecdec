/* What a worker shows is believed only if it can be true; what is counted comes back from JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/counters.h"

#define AGE (60 * USEC_PER_SEC)

static void test_adds(void **state) {
        uint64_t work[_WORK_MAX] = {0};
        (void) state;

        assert_int_equal(work_add_run(work, 2 * USEC_PER_MSEC), WORK_RUN + 1);
        assert_int_equal(work_add_run(work, 3 * USEC_PER_MSEC), WORK_RUN + 1);
        assert_int_equal(work[WORK_RUN + 1], 2);
        assert_int_equal(work[WORK_RUN_USEC], 5 * USEC_PER_MSEC);
        assert_int_equal(work_add_wait(work, 7), WORK_WAIT + HISTOGRAM_SECOND + 2);
        assert_int_equal(work[WORK_WAIT_SEC], 7);
        assert_int_equal(work_add_wait(work, UINT64_MAX), WORK_WAIT + HISTOGRAM_BUCKETS - 1);
        assert_int_equal(work[WORK_WAIT_SEC], 7 + (uint64_t) WORK_WAIT_MAX_SEC);
}

static void test_believes_what_can_be(void **state) {
        uint64_t known[_WORK_MAX] = {0}, fresh[_WORK_MAX] = {0};
        (void) state;

        assert_int_equal(work_believe(known, fresh, 0, 0), 1);
        fresh[WORK_COMPLETE] = 20000;
        (void) work_add_run(fresh, 50 * USEC_PER_SEC);
        (void) work_add_wait(fresh, 3600);
        assert_int_equal(work_believe(known, fresh, AGE, 5 * USEC_PER_SEC), 1);
        assert_memory_equal(known, fresh, sizeof(known));
        assert_int_equal(work_believe(known, fresh, AGE, 0), 1);
}

/* One wrong number, whichever it is, and nothing of the page is taken. */
static void test_believes_nothing_else(void **state) {
        (void) state;
        for (unsigned i = 0; i < _WORK_MAX; i++) {
                uint64_t known[_WORK_MAX], fresh[_WORK_MAX], before[_WORK_MAX];
                for (unsigned k = 0; k < _WORK_MAX; k++)
                        known[k] = fresh[k] = 10;
                memcpy(before, known, sizeof(before));
                fresh[WORK_COMPLETE]++;

                uint64_t right = fresh[i];
                const uint64_t wrong[] = {9, 0, 1ULL << 40, UINT64_MAX};
                for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++) {
                        fresh[i] = wrong[k];
                        assert_int_equal(work_believe(known, fresh, AGE, USEC_PER_SEC), 0);
                        assert_memory_equal(known, before, sizeof(known));
                }
                fresh[i] = right;
                assert_int_equal(work_believe(known, fresh, AGE, USEC_PER_SEC), 1);
        }
}

/* A wait was being shown while the page was read: it is in its bucket, and not yet in the sum. */
static void test_believes_what_was_half_written(void **state) {
        uint64_t known[_WORK_MAX] = {0}, fresh[_WORK_MAX] = {0};
        (void) state;

        unsigned bucket = work_add_wait(fresh, 3600);
        fresh[WORK_WAIT_SEC] = 0;
        assert_int_equal(work_believe(known, fresh, AGE, USEC_PER_SEC), 1);
        assert_int_equal(known[bucket], 1);
        fresh[WORK_WAIT_SEC] = 3600;
        assert_int_equal(work_believe(known, fresh, AGE, USEC_PER_SEC), 1);
        fresh[WORK_WAIT_SEC] = 2 * (uint64_t) WORK_WAIT_MAX_SEC;
        assert_int_equal(work_believe(known, fresh, AGE, USEC_PER_SEC), 0);
}

static void test_no_longer_than_it_lived(void **state) {
        uint64_t known[_WORK_MAX] = {0}, fresh[_WORK_MAX] = {0};
        (void) state;

        (void) work_add_run(fresh, AGE + 1);
        assert_int_equal(work_believe(known, fresh, AGE, AGE), 0);
        assert_int_equal(work_believe(known, fresh, AGE + 1, AGE), 1);
}

static void test_json(void **state) {
        Counters counters;
        CountersRead read;
        (void) state;

        for (unsigned i = 0; i < _WORK_MAX; i++)
                counters.work[i] = 1000 + i;
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                counters.own[i] = 2000 + i;
        char *text = counters_to_json(&counters);
        assert_non_null(text);
        assert_int_equal(counters_from_json(text, &read), 1);
        assert_int_equal(read.has_histograms, 1);
        for (unsigned i = 0; i < _WORK_MAX; i++)
                assert_int_equal(read.work[i], 1000 + i);
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                assert_int_equal(read.own[i], 2000 + i);
        free(text);
}

static void test_json_of_others(void **state) {
        CountersRead read;
        (void) state;

        assert_int_equal(counters_from_json(NULL, &read), 0);
        assert_int_equal(counters_from_json("", &read), 0);
        assert_int_equal(counters_from_json("[1]", &read), 0);
        assert_int_equal(counters_from_json("{\"complete\": 1", &read), 0);
        /* Of an older or a newer version: what is known counts, other bounds do not. */
        assert_int_equal(counters_from_json("{\"complete\": 3, \"failed\": -7, \"cancels\": \"x\","
                                            " \"new\": 1, \"run_usec\": 1, \"wait_sec\": 1,"
                                            " \"run\": [1], \"wait\": [1], \"bounds_msec\": [1]}",
                                            &read),
                         1);
        assert_int_equal(read.work[WORK_COMPLETE], 3);
        assert_int_equal(read.work[WORK_FAILED], -1);
        assert_int_equal(read.work[WORK_CANCELED], -1);
        assert_int_equal(read.own[COUNT_CANCELS], -1);
        assert_int_equal(read.has_histograms, 0);
}

/* Whoever may write the row: what would overflow when it is added up is not taken. */
static void test_json_too_large(void **state) {
        static const char *const numbers[] = {"9007199254740991", "9007199254740992",
                                              "9223372036854775807", "9223372036854775808"};
        (void) state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
                char text[80];
                CountersRead read;

                (void) snprintf(text, sizeof(text), "{\"failed\": 1, \"complete\": %s}",
                                numbers[i]);
                int is_read = counters_from_json(text, &read);
                assert_int_equal(is_read, i < 3); /* the last one is none of jansson's */
                if (is_read)
                        assert_int_equal(read.work[WORK_COMPLETE],
                                         i ? -1 : (int64_t) 9007199254740991);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_adds),
                cmocka_unit_test(test_believes_what_can_be),
                cmocka_unit_test(test_believes_nothing_else),
                cmocka_unit_test(test_believes_what_was_half_written),
                cmocka_unit_test(test_no_longer_than_it_lived),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_json_of_others),
                cmocka_unit_test(test_json_too_large),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
