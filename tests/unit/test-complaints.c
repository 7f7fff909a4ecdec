/* What plugins leave is said once per plugin and hour, and counted in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/complaints.h"
#include "util/macro.h"

#define S USEC_PER_SEC
#define HOUR COMPLAINTS_INTERVAL_USEC
#define SILENT (-1)

/* What is said now: the number of what was not said before, or SILENT. */
static int64_t complain(Complaints *complaints, const char *model, usec_t now_usec) {
        uint64_t unsaid = 99;
        return complaints_may_say(complaints, model, now_usec, &unsaid) ? (int64_t) unsaid : SILENT;
}

static void test_table(void **state) {
        static const struct {
                const char *model;
                usec_t now_usec;
                int64_t said;
        } rows[] = {
                {"Chaos.ChaosJob", 5 * S, 0},
                {"Chaos.ChaosJob", 5 * S, SILENT},
                {"Chaos.OtherJob", 6 * S, SILENT}, /* of one plugin */
                {"Chaos2.ChaosJob", 7 * S, 0},
                {"Cha.ChaosJob", 7 * S, 0},
                {"Chaos", 8 * S, SILENT},
                {"Chaos.ChaosJob", 5 * S + HOUR - 1, SILENT},
                {"Chaos.ChaosJob", 5 * S + HOUR, 4},
                {"Chaos.ChaosJob", 6 * S + HOUR, SILENT},
                {"Chaos2.ChaosJob", 7 * S + HOUR, 0},
                {"Chaos.ChaosJob", 9 * HOUR, 1},
                {"Chaos.ChaosJob", 20 * HOUR, 0},
        };
        Complaints complaints = {0};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (complain(&complaints, rows[i].model, rows[i].now_usec) != rows[i].said)
                        fail_msg("row %zu: %s", i, rows[i].model);
}

/* More plugins than rows: the one that was said longest ago is forgotten, no other. */
static void test_full(void **state) {
        Complaints complaints = {0};
        char name[32];

        (void) state;
        for (unsigned i = 0; i < COMPLAINTS_PLUGINS; i++) {
                (void) snprintf(name, sizeof(name), "Plugin%u.Job", i);
                assert_int_equal(complain(&complaints, name, (i + 1) * S), 0);
        }
        assert_int_equal(complain(&complaints, "Plugin0.Job", 99 * S), SILENT);
        assert_int_equal(complain(&complaints, "More.Job", 100 * S), 0);
        assert_int_equal(complain(&complaints, "Plugin1.Job", 101 * S), SILENT);
        assert_int_equal(complain(&complaints, "More.Job", 101 * S), SILENT);
        assert_int_equal(complain(&complaints, "Plugin0.Job", 102 * S), 0);
}

/* Whatever a row of the database calls its model. */
static void test_names(void **state) {
        Complaints complaints = {0};
        char longest[200];

        (void) state;
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(complain(&complaints, longest, S), 0);
        assert_int_equal(complain(&complaints, longest, S), SILENT);
        assert_int_equal(complain(&complaints, "", S), 0);
        assert_int_equal(complain(&complaints, "Last.Job", S), 0);
        assert_int_equal(complain(&complaints, "Last.Job", S), SILENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_full),
                cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
