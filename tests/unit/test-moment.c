/* Times as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/moment.h"
#include "util/parse.h"

static void test_times(void **state) {
        static const struct {
                const char *text;
                MomentKind kind;
                int64_t seconds;
        } rows[] = {
                {"1970-01-01", MOMENT_LOCAL, 0},
                {"2026-11-30", MOMENT_LOCAL, 1795996800},
                {"2026-11-30 14:00", MOMENT_LOCAL, 1796047200},
                {"2026-11-30T14:00", MOMENT_LOCAL, 1796047200},
                {"2026-11-30 14:00:07", MOMENT_LOCAL, 1796047207},
                {"2026-11-30T14:00:00Z", MOMENT_UTC, 1796047200},
                {"2026-11-30 14:00Z", MOMENT_UTC, 1796047200},
                {"2026-11-30T14:00:00+01:00", MOMENT_UTC, 1796043600},
                {"2026-11-30T14:00:00-0530", MOMENT_UTC, 1796067000},
                {"2026-11-30T14:00+02", MOMENT_UTC, 1796040000},
                {"2024-02-29", MOMENT_LOCAL, 1709164800},
                {"2000-02-29", MOMENT_LOCAL, 951782400},
                {"0001-01-01", MOMENT_LOCAL, -62135596800},
                {"9999-12-31 23:59:59", MOMENT_LOCAL, 253402300799},
                {"2h", MOMENT_SPAN, 7200},
                {"15m", MOMENT_SPAN, 900},
                {"15min", MOMENT_SPAN, 900},
                {"3d", MOMENT_SPAN, 259200},
                {"0s", MOMENT_SPAN, 0},
                {"1500ms", MOMENT_SPAN, 1},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Moment moment = {0};
                assert_int_equal(moment_parse(rows[i].text, &moment), 0);
                assert_int_equal(moment.kind, rows[i].kind);
                assert_true(moment.seconds == rows[i].seconds);
        }
}

static void test_texts_that_are_none(void **state) {
        static const char *const texts[] = {
                "",
                "soon",
                "2026",
                "1796083200",
                "20261130",
                "2026-11",
                "2026-1-30",
                "2026-13-01",
                "2026-00-01",
                "2026-02-29",
                "1900-02-29",
                "2026-11-31",
                "2026-11-00",
                "0000-01-01",
                "2026-11-30 ",
                "2026-11-30 14",
                "2026-11-30 24:00",
                "2026-11-30 14:60",
                "2026-11-30 14:00:",
                "2026-11-30 14:00:60",
                "2026-11-30 14:00:00.5",
                "2026-11-30 14:00 CET",
                "2026-11-30 14:00Zx",
                "2026-11-30 14:00+",
                "2026-11-30 14:00+1",
                "2026-11-30 14:00+16:00",
                "2026-11-30 14:00+01:60",
                "2026-11-30 14:00+01:00x",
                "2026-11-30Z",
                "2026-11-30x14:00",
                "-2h",
                "2h ago",
                "99999d",
                "2w",
        };

        (void) state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                Moment moment = {.kind = MOMENT_SPAN, .seconds = 4711};
                if (moment_parse(texts[i], &moment) != PARSE_E_INVALID)
                        fail_msg("'%s' was taken for a time", texts[i]);
                assert_int_equal(moment.seconds, 4711);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_texts_that_are_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
