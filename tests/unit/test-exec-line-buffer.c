#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "exec/line_buffer.h"

/* Reads `n` bytes as a program might write them, `step` at a time, and notes each line as "[...]".
 */
static int split(LineLimits limits, const char *bytes, size_t n, size_t step, char *seen) {
        LineBuffer buffer = {0};
        char *line;
        size_t length;
        int r = LINE_BUFFER_E_NONE;

        assert_int_equal(line_buffer_init(&buffer, limits), 0);
        *seen = '\0';
        for (size_t done = 0; r == LINE_BUFFER_E_NONE;) {
                size_t room;
                char *space = line_buffer_space(&buffer, &room);
                assert_true(room > 0);
                size_t k = MIN_OF(MIN_OF(step, room), n - done);
                int is_last = done == n;
                memcpy(space, bytes + done, k);
                line_buffer_filled(&buffer, k);
                done += k;
                if (is_last)
                        line_buffer_finish(&buffer);
                while (!(r = line_buffer_next(&buffer, &line, &length))) {
                        assert_int_equal(line[length], '\0');
                        assert_true(length <= limits.bytes);
                        strcat(strcat(strcat(seen, "["), line), "]");
                }
                if (is_last)
                        break;
        }
        line_buffer_done(&buffer);
        return r;
}

static void test_lines(void **state) {
        static const struct {
                const char *bytes, *lines;
                int result;
        } cases[] = {
                {"", "", LINE_BUFFER_E_NONE},
                {"\n", "[]", LINE_BUFFER_E_NONE},
                {"a\nbc\n", "[a][bc]", LINE_BUFFER_E_NONE},
                {"a\r\n\r\nb\rc\n", "[a][][b\rc]", LINE_BUFFER_E_NONE},
                {"a\nend", "[a][end]", LINE_BUFFER_E_NONE},
                {"12345678\nx", "[12345678][x]", LINE_BUFFER_E_NONE},
                {"12345678", "[12345678]", LINE_BUFFER_E_NONE},
                {"1234567\r\n", "[1234567]", LINE_BUFFER_E_NONE},
                {"x\n123456789\ny\n", "[x]", LINE_BUFFER_E_LONG},
                {"123456789", "", LINE_BUFFER_E_LONG},
                {"1\n2\n3\n4\n", "[1][2][3][4]", LINE_BUFFER_E_NONE},
                {"1\n2\n3\n4\n5\n", "[1][2][3][4]", LINE_BUFFER_E_MANY},
                {"1\n2\n3\n4\n5", "[1][2][3][4]", LINE_BUFFER_E_MANY},
        };
        char seen[128];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                for (size_t step = 1; step < 16; step++) {
                        int r = split((LineLimits){.bytes = 8, .lines = 4}, cases[i].bytes,
                                      strlen(cases[i].bytes), step, seen);
                        assert_string_equal(seen, cases[i].lines);
                        assert_int_equal(r, cases[i].result);
                }
}

static void test_nul_bytes(void **state) {
        LineBuffer buffer = {0};
        size_t room, length;
        char *line;

        (void) state;
        assert_int_equal(line_buffer_init(&buffer, (LineLimits){.bytes = 8, .lines = 4}), 0);
        memcpy(line_buffer_space(&buffer, &room), "a\0b\n", 4);
        line_buffer_filled(&buffer, 4);
        assert_int_equal(line_buffer_next(&buffer, &line, &length), 0);
        assert_int_equal(length, 3);
        assert_memory_equal(line, "a\0b", 4);
        line_buffer_done(&buffer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_nul_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
