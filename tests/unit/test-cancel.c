/* Cancel escalation: a word, SIGTERM, SIGKILL, each in its time and none twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cancel.h"

static const CancelPolicy gentle = {.grace_usec = 0, .kill_usec = 500};
static const CancelPolicy strict = {.grace_usec = 100, .kill_usec = 500};

static void test_due(void **state) {
        static const struct {
                const CancelPolicy *policy;
                CancelStep step;
                usec_t since, now;
                CancelStep due;
        } rows[] = {
                {&strict, CANCEL_NONE, 0, USEC_INFINITY - 1, CANCEL_NONE},
                {&strict, CANCEL_WORD, 1000, 1000, CANCEL_WORD},
                {&strict, CANCEL_WORD, 1000, 1099, CANCEL_WORD},
                {&strict, CANCEL_WORD, 1000, 1100, CANCEL_TERM},
                {&strict, CANCEL_WORD, 1000, 99999, CANCEL_TERM},
                {&strict, CANCEL_TERM, 1100, 1599, CANCEL_TERM},
                {&strict, CANCEL_TERM, 1100, 1600, CANCEL_KILL},
                {&strict, CANCEL_KILL, 1600, USEC_INFINITY - 1, CANCEL_KILL},
                {&gentle, CANCEL_WORD, 1000, USEC_INFINITY - 1, CANCEL_WORD},
                {&gentle, CANCEL_TERM, 1000, 1500, CANCEL_KILL},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Cancel cancel = {.step = rows[i].step, .since_usec = rows[i].since};
                assert_int_equal(cancel_due(&cancel, rows[i].policy, rows[i].now), rows[i].due);
        }
}

static void test_wake(void **state) {
        static const struct {
                const CancelPolicy *policy;
                CancelStep step;
                usec_t wake;
        } rows[] = {
                {&strict, CANCEL_NONE, USEC_INFINITY}, {&strict, CANCEL_WORD, 1100},
                {&strict, CANCEL_TERM, 1500},          {&strict, CANCEL_KILL, USEC_INFINITY},
                {&gentle, CANCEL_WORD, USEC_INFINITY}, {&gentle, CANCEL_TERM, 1500},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Cancel cancel = {.step = rows[i].step, .since_usec = 1000};
                assert_true(cancel_wake(&cancel, rows[i].policy) == rows[i].wake);
        }
}

/* Whoever sleeps until cancel_wake() and looks then gets to the end, one step at a time. */
static void test_walk(void **state) {
        Cancel cancel = {.step = CANCEL_WORD, .since_usec = 10};

        (void) state;
        for (CancelStep expected = CANCEL_TERM; expected <= CANCEL_KILL; expected++) {
                usec_t wake = cancel_wake(&cancel, &strict);
                assert_int_equal(cancel_due(&cancel, &strict, wake - 1), cancel.step);
                cancel.step = cancel_due(&cancel, &strict, wake);
                cancel.since_usec = wake;
                assert_int_equal(cancel.step, expected);
        }
        assert_true(cancel_wake(&cancel, &strict) == USEC_INFINITY);
}

/* The reason that counts more begins anew; one that comes again and again holds nothing up. */
static void test_causes(void **state) {
        (void) state;
        for (CancelCause now = CANCEL_CAUSE_NONE; now <= CANCEL_CAUSE_END; now++)
                for (CancelCause next = CANCEL_CAUSE_NONE; next <= CANCEL_CAUSE_END; next++)
                        assert_int_equal(cancel_begins(now, next), next > now);
        assert_false(cancel_begins(CANCEL_CAUSE_END, CANCEL_CAUSE_JOB));
        assert_true(cancel_begins(CANCEL_CAUSE_JOB, CANCEL_CAUSE_END));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_due),
                cmocka_unit_test(test_wake),
                cmocka_unit_test(test_walk),
                cmocka_unit_test(test_causes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
