/* Two tables on a screen of any height: nothing is written below its last line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/panes.h"

static int lines_of(const Pane *pane) {
        return pane->rows ? 1 + pane->rows + (pane->more > 0) : 1;
}

static void test_divide(void **state) {
        static const struct {
                int lines, upper, lower;
                Pane up, low;
        } rows[] = {
                {20, 0, 0, {0, 0}, {0, 0}},
                {20, 3, 5, {3, 0}, {5, 0}},
                {11, 3, 5, {3, 0}, {5, 0}}, /* exactly: 4, 1 and 6 lines */
                {10, 3, 5, {3, 0}, {3, 2}},
                {20, 100, 0, {16, 84}, {0, 0}},
                {20, 0, 100, {0, 0}, {16, 84}},
                {22, 100, 100, {12, 88}, {5, 95}}, /* two thirds, one third */
                {22, 100, 2, {16, 84}, {2, 0}},
                {22, 2, 100, {2, 0}, {16, 84}},
                {3, 100, 100, {0, 100}, {0, 100}}, /* a line each */
                {5, 1, 1, {1, 0}, {1, 0}},
                {4, 1, 1, {1, 0}, {0, 1}},
                {0, 1, 1, {0, 1}, {0, 1}},
                {-5, 7, 0, {0, 7}, {0, 0}},
                {20, INT32_MAX, INT32_MAX, {11, INT32_MAX - 11}, {4, INT32_MAX - 4}},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Pane up, low;
                panes_divide(rows[i].lines, rows[i].upper, rows[i].lower, &up, &low);
                assert_int_equal(up.rows, rows[i].up.rows);
                assert_int_equal(up.more, rows[i].up.more);
                assert_int_equal(low.rows, rows[i].low.rows);
                assert_int_equal(low.more, rows[i].low.more);
        }
}

static void test_every_screen(void **state) {
        (void) state;
        for (int lines = PANES_LEAST; lines < 40; lines++)
                for (int upper = 0; upper < 50; upper++)
                        for (int lower = 0; lower < 50; lower++) {
                                Pane up, low;
                                panes_divide(lines, upper, lower, &up, &low);
                                assert_true(lines_of(&up) + 1 + lines_of(&low) <= lines);
                                assert_int_equal(up.rows + up.more, upper);
                                assert_int_equal(low.rows + low.more, lower);
                        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_divide),
                cmocka_unit_test(test_every_screen),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
