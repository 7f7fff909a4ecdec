/* What waits for the hook, what is dropped, and when that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/hook_queue.h"
#include "util/macro.h"

#define S USEC_PER_SEC
#define T0 (1000 * S)

static HookQueue queue;

static int clear(void **state) {
        (void) state;
        queue = (HookQueue){0};
        return 0;
}

static void add(int32_t from, int32_t to) {
        for (int32_t id = from; id <= to; id++)
                hook_queue_add(&queue, id, T0);
}

/* Takes one batch, which must be these ids in a row. */
static void expect_batch(int32_t from, int32_t to) {
        int32_t ids[HOOK_BATCH_MAX];
        unsigned n = hook_queue_take(&queue, ids);

        assert_int_equal(n, to - from + 1);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(ids[i], from + (int32_t) i);
}

static void test_order(void **state) {
        (void) state;
        expect_batch(1, 0);
        add(1, 40);
        expect_batch(1, 32);
        add(41, 50);
        expect_batch(33, 50);
        expect_batch(1, 0);
        assert_true(hook_queue_wake(&queue) == USEC_INFINITY);
}

/* However often the ring goes round, it holds so many, the oldest first. */
static void test_bound(void **state) {
        int32_t next = 1;

        (void) state;
        for (int round = 0; round < 100; round++) {
                int32_t room = (int32_t) (HOOK_WAITING_MAX - queue.n);
                add(next, next + room - 1); /* fits */
                assert_int_equal(queue.dropped, round);
                hook_queue_add(&queue, -1, T0); /* does not */
                expect_batch(next + room - (int32_t) HOOK_WAITING_MAX,
                             next + room - (int32_t) HOOK_WAITING_MAX + 31);
                next += room;
        }
        assert_int_equal(queue.n, HOOK_WAITING_MAX - HOOK_BATCH_MAX);
}

/* A flood is one line; what comes later waits for its minute; the end waits for nothing. */
static void test_saying(void **state) {
        static const struct {
                usec_t now_usec;
                unsigned drops;
                int is_last;
                uint64_t said;
                usec_t wake_usec; /* after it */
        } rows[] = {
                {T0, 0, 0, 0, USEC_INFINITY},
                {T0, 1, 0, 0, T0 + S},
                {T0 + S / 2, 1999, 0, 0, T0 + S},
                {T0 + S, 0, 0, 2000, USEC_INFINITY},
                {T0 + 2 * S, 5, 0, 0, T0 + 61 * S},
                {T0 + 30 * S, 1, 0, 0, T0 + 61 * S},
                {T0 + 61 * S, 0, 0, 6, USEC_INFINITY},
                {T0 + 500 * S, 3, 0, 0, T0 + 501 * S}, /* long after: a moment again */
                {T0 + 501 * S - 1, 0, 1, 3, USEC_INFINITY},
                {T0 + 502 * S, 0, 1, 0, USEC_INFINITY},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                hook_queue_drop(&queue, rows[i].drops, rows[i].now_usec);
                uint64_t said = hook_queue_say(&queue, rows[i].is_last, rows[i].now_usec);
                if (said != rows[i].said || hook_queue_wake(&queue) != rows[i].wake_usec)
                        fail_msg("row %zu: %llu", i, (unsigned long long) said);
        }
}

static void test_drop_all(void **state) {
        (void) state;
        add(1, 7);
        hook_queue_drop_all(&queue, T0);
        expect_batch(1, 0);
        assert_int_equal(hook_queue_say(&queue, 1, T0), 7);
        add(8, 9);
        expect_batch(8, 9);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_order, clear),
                cmocka_unit_test_setup(test_bound, clear),
                cmocka_unit_test_setup(test_saying, clear),
                cmocka_unit_test_setup(test_drop_all, clear),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
