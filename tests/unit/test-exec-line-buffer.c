#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "exec/line_buffer.h"

#define MAX_BYTES 8

/*
 * Reads `n` bytes as a program might write them, `step` at a time, and notes each line as "[...]",
 * the beginning of a long one as "[...+]".
 */
static void split(const char *bytes, size_t n, size_t step, char *seen) {
        LineBuffer buffer = {0};
        char *line;
        size_t length;
        int is_last = 0;

        assert_int_equal(line_buffer_init(&buffer, MAX_BYTES), 0);
        *seen = '\0';
        for (size_t done = 0; !is_last;) {
                size_t room;
                char *space = line_buffer_space(&buffer, &room);
                assert_true(room > 0);
                size_t k = MIN_OF(MIN_OF(step, room), n - done);
                is_last = done == n;
                memcpy(space, bytes + done, k);
                line_buffer_filled(&buffer, k);
                done += k;
                if (is_last)
                        line_buffer_finish(&buffer);
                int r;
                while ((r = line_buffer_next(&buffer, &line, &length)) != LINE_BUFFER_E_NONE) {
                        assert_int_equal(line[length], '\0');
                        assert_true(length <= MAX_BYTES);
                        strcat(strcat(seen, "["), line);
                        strcat(seen, r == LINE_BUFFER_E_LONG ? "+]" : "]");
                }
        }
        line_buffer_done(&buffer);
}

static void test_lines(void **state) {
        static const struct {
                const char *bytes, *lines;
        } cases[] = {
                {"", ""},
                {"\n", "[]"},
                {"a\nbc\n", "[a][bc]"},
                {"a\r\n\r\nb\rc\n", "[a][][b\rc]"},
                {"a\nend", "[a][end]"},
                {"12345678\nx", "[12345678][x]"},
                {"12345678", "[12345678]"},
                {"1234567\r\n", "[1234567]"},
                {"x\n123456789\ny\n", "[x][12345678+][y]"},
                {"123456789", "[12345678+]"},
                {"123456789\n", "[12345678+]"},
                {"123456789abcdefghijklm\n\nxy", "[12345678+][][xy]"},
                {"123456789a\n123456789b\n1", "[12345678+][12345678+][1]"},
        };
        char seen[128];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                for (size_t step = 1; step < 16; step++) {
                        split(cases[i].bytes, strlen(cases[i].bytes), step, seen);
                        assert_string_equal(seen, cases[i].lines);
                }
}

static void test_nul_bytes(void **state) {
        LineBuffer buffer = {0};
        size_t room, length;
        char *line;

        (void) state;
        assert_int_equal(line_buffer_init(&buffer, MAX_BYTES), 0);
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
