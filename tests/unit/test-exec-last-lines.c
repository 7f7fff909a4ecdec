/* The last lines of standard error: which are kept, and what of them fits into a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "exec/last_lines.h"
#include "util/text.h"

#define ROOM 100

static void check_joined(const LastLines *last, size_t chars, const char *expected) {
        char joined[4 * 256 + 1];

        last_lines_join(last, chars, joined, sizeof(joined));
        assert_string_equal(joined, expected);
        assert_true(text_count_chars(joined) <= chars);
}

static void test_none(void **state) {
        LastLines last = {0};
        (void) state;

        last_lines_add(&last, "");
        last_lines_add(&last, " \t ");
        assert_string_equal(last_lines_end(&last), "");
        check_joined(&last, ROOM, "");
}

static void test_order(void **state) {
        LastLines last = {0};
        char line[16];
        (void) state;

        last_lines_add(&last, "first");
        check_joined(&last, ROOM, "first");
        last_lines_add(&last, "second");
        check_joined(&last, ROOM, "first | second");
        for (int i = 3; i <= 12; i++) {
                (void) snprintf(line, sizeof(line), "%d", i);
                last_lines_add(&last, line);
        }
        assert_string_equal(last_lines_end(&last), "12");
        check_joined(&last, ROOM, "8 | 9 | 10 | 11 | 12");
}

static void test_room(void **state) {
        LastLines last = {0};
        (void) state;

        last_lines_add(&last, "cause");
        last_lines_add(&last, "\xc3\xbc\xc3\xbc\xc3\xbc");
        check_joined(&last, 11, "cause | \xc3\xbc\xc3\xbc\xc3\xbc");
        check_joined(&last, 10, "\xc3\xbc\xc3\xbc\xc3\xbc");
}

/* A line that alone is longer than the room is there all the same, cut. */
static void test_long(void **state) {
        char line[4000], joined[4 * LAST_LINE_CHARS + 1];
        LastLines last = {0};
        (void) state;

        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        last_lines_add(&last, "before");
        last_lines_add(&last, line);
        assert_int_equal(strlen(last_lines_end(&last)), LAST_LINE_CHARS);
        last_lines_join(&last, LAST_LINE_CHARS, joined, sizeof(joined));
        assert_int_equal(strlen(joined), LAST_LINE_CHARS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
