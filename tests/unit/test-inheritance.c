/* What an heir does next, as a table of what was tried and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/inheritance.h"
#include "core/will.h"
#include "util/macro.h"

#define S USEC_PER_SEC

static const struct {
        const char *what;
        Inheritance state;
        usec_t now_usec;
        HeirStep step;
} rows[] = {
        {"records come first", {.has_records = 1}, 0, HEIR_WRITE_RECORDS},
        {"once", {.has_records = 1, .has_tried_records = 1}, 0, HEIR_SETTLE},
        {"none", {0}, 0, HEIR_SETTLE},
        {"settles first", {.has_records = 1, .settles_first = 1}, 0, HEIR_SETTLE},
        {"then records",
         {.has_records = 1, .settles_first = 1, .is_settled = 1},
         0,
         HEIR_WRITE_RECORDS},
        {"refused",
         {.has_tried_to_settle = 1, .not_before_usec = S, .patience_usec = 5 * S},
         S - 1,
         HEIR_WAIT},
        {"again",
         {.has_tried_to_settle = 1, .not_before_usec = S, .patience_usec = 5 * S},
         S,
         HEIR_SETTLE},
        {"no patience", {.has_tried_to_settle = 1, .patience_usec = 5 * S}, 5 * S, HEIR_RESIGN},
        {"one try without patience", {.patience_usec = 0}, 9 * S, HEIR_SETTLE},
        {"note", {.is_settled = 1, .has_note = 1}, 0, HEIR_WRITE_NOTE},
        {"refused note", {.is_settled = 1, .has_note = 1, .has_tried_note = 1}, 0, HEIR_REPORT},
        {"refused records",
         {.is_settled = 1, .has_records = 1, .has_tried_records = 1},
         0,
         HEIR_REPORT},
        {"report", {.is_settled = 1}, 0, HEIR_REPORT},
        {"rest is tried",
         {.is_settled = 1, .has_reported = 1, .has_records = 1},
         9 * S,
         HEIR_WRITE_RECORDS},
        {"note is tried",
         {.is_settled = 1, .has_reported = 1, .has_note = 1},
         9 * S,
         HEIR_WRITE_NOTE},
        {"not at once",
         {.is_settled = 1, .has_reported = 1, .has_note = 1, .not_before_usec = 10 * S},
         9 * S,
         HEIR_WAIT},
        {"for a minute",
         {.is_settled = 1, .has_reported = 1, .has_records = 1},
         60 * S - 1,
         HEIR_WRITE_RECORDS},
        {"once more after that",
         {.is_settled = 1, .has_reported = 1, .has_records = 1, .has_note = 1},
         90 * S,
         HEIR_WRITE_RECORDS},
        {"not longer",
         {.is_settled = 1, .has_reported = 1, .has_records = 1, .has_note = 1, .is_late = 1},
         60 * S,
         HEIR_GIVE_UP},
        {"since the death",
         {.is_settled = 1, .has_reported = 1, .has_records = 1, .died_usec = 9 * S},
         60 * S,
         HEIR_WRITE_RECORDS},
        {"nothing left", {.is_settled = 1, .has_reported = 1}, 0, HEIR_DONE},
};

static void test_next(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                HeirStep step = inheritance_next(&rows[i].state, rows[i].now_usec);
                if (step != rows[i].step)
                        fail_msg("%s: step %d, not %d", rows[i].what, step, rows[i].step);
        }
}

/* Whatever is refused for however long: the job is settled or left to another heir, and no wait is
 * without an end. */
static void test_every_way_ends(void **state) {
        (void) state;
        for (unsigned refused = 0; refused < 8; refused++) {
                Inheritance i = {.has_records = 1, .patience_usec = 10 * S};
                usec_t now = 0;
                HeirStep step;
                int steps = 0;
                do {
                        step = inheritance_next(&i, now);
                        if (step == HEIR_WAIT) {
                                assert_true(inheritance_wake(&i) > now);
                                now = inheritance_wake(&i);
                                continue;
                        }
                        int is_refused = (step == HEIR_WRITE_RECORDS && refused & 1) ||
                                         (step == HEIR_SETTLE && refused & 2) ||
                                         (step == HEIR_WRITE_NOTE && refused & 4);
                        if (step == HEIR_SETTLE && !is_refused)
                                i.has_note = 1;
                        inheritance_note_try(&i, step, !is_refused, now);
                } while (step != HEIR_DONE && step != HEIR_RESIGN && steps++ < 1000);
                assert_int_equal(step, refused & 2 ? HEIR_RESIGN : HEIR_DONE);
                assert_true(now <= (refused & 2 ? 11 * S : 61 * S));
                if (!(refused & 2))
                        assert_true(inheritance_wake(&i) == USEC_INFINITY);
        }
}

/* A refusal of the records keeps nobody from settling at once. */
static void test_settles_at_once(void **state) {
        Inheritance i = {.has_records = 1, .patience_usec = 10 * S};

        (void) state;
        inheritance_note_try(&i, HEIR_WRITE_RECORDS, 0, 3 * S);
        assert_int_equal(inheritance_next(&i, 3 * S), HEIR_SETTLE);
}

static void test_will(void **state) {
        JobUsage usage = {.is_known = 1, .wall_usec = 2 * S, .cpu_usec = S, .peak_bytes = 1000000};
        Will will = {0};

        (void) state;
        will_write(&will, (Outcome){.kind = OUTCOME_EXITED, .value = 3}, NULL, &usage);
        assert_string_equal(will.summary, "terminated unexpectedly (exit code 3)");
        assert_string_equal(will.account, "terminated unexpectedly (exit code 3); ran 2.0 s, CPU "
                                          "time 1.0 s, peak memory of its worker 1.0 MB");
        for (int32_t pid = 1; pid <= WILL_PIDS_MAX + 2; pid++)
                will_add_pid(&will, pid);
        assert_int_equal(will.n_pids, WILL_PIDS_MAX);
        assert_int_equal(will.pids[0], 3);
        assert_int_equal(will.pids[WILL_PIDS_MAX - 1], WILL_PIDS_MAX + 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_every_way_ends),
                cmocka_unit_test(test_settles_at_once),
                cmocka_unit_test(test_will),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
