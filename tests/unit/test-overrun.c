/* What a worker's watch does, and when it looks again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/overrun.h"
#include "util/macro.h"

#define S USEC_PER_SEC
#define MS USEC_PER_MSEC
#define MB ((uint64_t) 1 << 20)
#define NEVER USEC_INFINITY

static void test_decide(void **state) {
        static const struct {
                const char *what;
                OverrunFacts facts;
                usec_t now;
                Overrun due;
        } rows[] = {
                {"idle", {30 * S, NEVER, 0, 0, {0}, {0}, {0}}, 29 * S, {CANCEL_NONE, 0}},
                {"lease",
                 {30 * S, NEVER, 0, 0, {0}, {0}, {0}},
                 30 * S,
                 {CANCEL_KILL, ENDED_BY_LEASE}},
                {"step", {30 * S, 9 * S, 0, 0, {0}, {0}, {0}}, 9 * S, {CANCEL_KILL, ENDED_BY_HANG}},
                {"limits of a job that has ended",
                 {30 * S, NEVER, 0, 0, {MB, S, S, 0, 0}, {2 * MB, 2 * S}, {0}},
                 9 * S,
                 {CANCEL_NONE, 0}},
                {"no limits",
                 {30 * S, NEVER, 1, 0, {0}, {99 * MB, 99 * S}, {0}},
                 29 * S,
                 {CANCEL_NONE, 0}},
                {"just within",
                 {30 * S, NEVER, 1, 0, {MB, S, 9 * S, 0, 0}, {MB, S}, {0}},
                 9 * S - 1,
                 {CANCEL_NONE, 0}},
                {"memory",
                 {30 * S, NEVER, 1, 0, {MB, 0, 0, 0, 0}, {MB + 1, 0}, {0}},
                 S,
                 {CANCEL_KILL, ENDED_BY_MEMORY}},
                {"CPU time",
                 {30 * S, NEVER, 1, 0, {0, S, 0, 0, 0}, {0, S + 1}, {0}},
                 S,
                 {CANCEL_KILL, ENDED_BY_CPU_TIME}},
                {"run time",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {0}},
                 2 * S,
                 {CANCEL_WORD, ENDED_BY_RUN_TIME}},
                {"asked",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_WORD, 2 * S}},
                 7 * S - 1,
                 {CANCEL_NONE, 0}},
                {"not stopped",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_WORD, 2 * S}},
                 7 * S,
                 {CANCEL_TERM, ENDED_BY_RUN_TIME}},
                {"terminated",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_TERM, 7 * S}},
                 12 * S - 1,
                 {CANCEL_NONE, 0}},
                {"not dead",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_TERM, 7 * S}},
                 12 * S,
                 {CANCEL_KILL, ENDED_BY_RUN_TIME}},
                {"the lease comes first",
                 {30 * S, NEVER, 1, S, {MB, 0, S, 0, 0}, {2 * MB, 0}, {0}},
                 30 * S,
                 {CANCEL_KILL, ENDED_BY_LEASE}},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Overrun due = overrun_decide(&rows[i].facts, rows[i].now);
                if (due.step != rows[i].due.step || due.ended_by != rows[i].due.ended_by)
                        fail_msg("%s: %d, %d", rows[i].what, (int) due.step, (int) due.ended_by);
        }
}

static void test_wake(void **state) {
        static const struct {
                const char *what;
                OverrunFacts facts;
                usec_t now, wake;
        } rows[] = {
                {"idle", {30 * S, NEVER, 0, 0, {0}, {0}, {0}}, S, 30 * S},
                {"step", {30 * S, 9 * S, 0, 0, {0}, {0}, {0}}, S, 9 * S},
                {"ended", {30 * S, NEVER, 0, 0, {MB, S, S, 0, 0}, {0}, {0}}, S, 30 * S},
                {"no limits", {30 * S, NEVER, 1, 0, {0}, {0}, {0}}, S, 30 * S},
                {"what the kernel limits",
                 {30 * S, NEVER, 1, 0, {0, 0, 0, 9, 9}, {0}, {0}},
                 S,
                 30 * S},
                {"run time", {30 * S, NEVER, 1, S, {0, 0, 3 * S, 0, 0}, {0}, {0}}, S, 4 * S},
                {"asked",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_WORD, 2 * S}},
                 2 * S,
                 7 * S},
                {"terminated",
                 {30 * S, NEVER, 1, S, {0, 0, S, 0, 0}, {0}, {CANCEL_TERM, 7 * S}},
                 7 * S,
                 12 * S},
                {"CPU time", {30 * S, NEVER, 1, 0, {0, S, 0, 0, 0}, {0}, {0}}, S, S + 100 * MS},
                {"much memory",
                 {30 * S, NEVER, 1, 0, {4096 * MB, S, 0, 0, 0}, {0}, {0}},
                 S,
                 S + 100 * MS},
                {"little memory",
                 {30 * S, NEVER, 1, 0, {64 * MB, 0, 0, 0, 0}, {63 * MB, 0}, {0}},
                 S,
                 S + 5 * MS},
                {"some memory",
                 {30 * S, NEVER, 1, 0, {1000000000, 0, 0, 0, 0}, {800000000, 0}, {0}},
                 S,
                 S + 50 * MS},
                {"lease in between", {S + 1, NEVER, 1, 0, {0, S, 0, 0, 0}, {0}, {0}}, S, S + 1},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                usec_t wake = overrun_wake(&rows[i].facts, rows[i].now);
                if (wake != rows[i].wake)
                        fail_msg("%s: %llu", rows[i].what, (unsigned long long) wake);
        }
}

static void test_usage(void **state) {
        OverrunFacts facts = {.is_running = 1, .limits = {.run_usec = S, .open_files = 9}};

        (void) state;
        assert_false(overrun_needs_usage(&facts));
        facts.limits.memory_bytes = 1;
        assert_true(overrun_needs_usage(&facts));
        facts.limits = (Limits){.cpu_usec = 1};
        assert_true(overrun_needs_usage(&facts));
        facts.is_running = 0;
        assert_false(overrun_needs_usage(&facts));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_wake),
                cmocka_unit_test(test_usage),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
