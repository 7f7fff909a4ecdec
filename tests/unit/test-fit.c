/* Which columns lose what on a narrow terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/fit.h"

static void test_fit(void **state) {
        static const struct {
                int widths[4], may_cut[4], room, fitted[4];
        } rows[] = {
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 80, {4, 19, 10, 20}}, /* all fit */
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 59, {4, 19, 10, 20}}, /* exactly */
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 58, {4, 19, 10, 19}},
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 49, {4, 19, 10, 10}},
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 47, {4, 19, 9, 9}}, /* both alike */
                {{4, 19, 10, 20}, {0, 0, 1, 1}, 20, {4, 19, 8, 8}}, /* ids and times are whole */
                {{4, 19, 3, 20}, {0, 0, 1, 0}, 20, {4, 19, 3, 20}}, /* nothing to be cut */
                {{4, 4, 1000000, 2000000}, {0, 0, 1, 1}, 50, {4, 4, 18, 18}},
                {{4, 4, 1000000, 3}, {0, 0, 1, 1}, 1, {4, 4, 8, 3}},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int widths[4];
                for (size_t k = 0; k < 4; k++)
                        widths[k] = rows[i].widths[k];
                fit_columns(widths, rows[i].may_cut, 4, rows[i].room);
                for (size_t k = 0; k < 4; k++)
                        assert_int_equal(widths[k], rows[i].fitted[k]);
        }
        fit_columns(NULL, NULL, 0, 10);
}

static void test_leave_out(void **state) {
        static const struct {
                int widths[4], may_cut[4], spare[4], room, left[4];
        } rows[] = {
                {{4, 19, 30, 30}, {0, 0, 1, 1}, {0, 1, 0, 0}, 57, {4, 19, 30, 30}},
                {{4, 19, 30, 30}, {0, 0, 1, 1}, {0, 1, 0, 0}, 56, {4, -1, 30, 30}},
                {{4, 19, 5, 30}, {0, 0, 1, 1}, {0, 2, 1, 0}, 47, {4, 19, -1, 30}},
                {{4, 19, 5, 30}, {0, 0, 1, 1}, {0, 2, 1, 0}, 40, {4, -1, -1, 30}},
                {{4, 19, 19, 30},
                 {0, 0, 0, 1},
                 {0, 1, 1, 0},
                 50,
                 {4, 19, -1, 30}}, /* the right one */
                {{4, 19, 19, 30}, {0, 0, 0, 1}, {0, 0, 0, 0}, 5, {4, 19, 19, 30}},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int widths[4];
                for (size_t k = 0; k < 4; k++)
                        widths[k] = rows[i].widths[k];
                fit_leave_out(widths, rows[i].may_cut, rows[i].spare, 4, rows[i].room);
                for (size_t k = 0; k < 4; k++)
                        assert_int_equal(widths[k], rows[i].left[k]);
        }
        fit_leave_out(NULL, NULL, NULL, 0, 10);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fit),
                cmocka_unit_test(test_leave_out),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
