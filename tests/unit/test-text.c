/* Bounded strings and UTF-8, and the lists of problems that are made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/problems.h"
#include "util/text.h"

#define FFFD "\xef\xbf\xbd"

static void test_copy(void **state) {
        static const struct {
                size_t size, max_chars;
                const char *from, *to;
        } rows[] = {
                {16, 0, NULL, ""},
                {16, 0, "", ""},
                {16, 0, "abc", "abc"},
                {4, 0, "abc", "abc"},
                {3, 0, "abc", "ab"},
                {1, 0, "abc", ""},
                {16, 2, "abc", "ab"},
                {16, 3, "abc", "abc"},
                {16, 2, "\xc3\xa4\xc3\xb6\xc3\xbc", "\xc3\xa4\xc3\xb6"},
                {4, 0, "a\xc3\xa4\xc3\xb6", "a\xc3\xa4"},
                {5, 0, "a\xc3\xa4\xc3\xb6", "a\xc3\xa4"},
                {6, 0, "a\xc3\xa4\xc3\xb6", "a\xc3\xa4\xc3\xb6"},
                {16, 0,
                 "a\xff"
                 "b",
                 "a" FFFD "b"},
                {16, 0, "\xc3", FFFD},
                {16, 0, "\xe2\x82", FFFD FFFD},
                {16, 0, "\xe2\x82\xac", "\xe2\x82\xac"},
                {16, 0, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
                {16, 0, "\xc0\xaf", FFFD FFFD},
                {16, 0, "\xed\xa0\x80", FFFD FFFD FFFD},
                {16, 0, "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
                {16, 1, "\xff\xff", FFFD},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char to[20];
                memset(to, '#', sizeof(to));
                size_t n = text_copy_utf8(to, rows[i].size, rows[i].max_chars, rows[i].from);
                assert_string_equal(to, rows[i].to);
                assert_int_equal(n, strlen(rows[i].to));
                assert_int_equal(to[rows[i].size], '#');
        }
}

static void test_copy_into_nothing(void **state) {
        char c = '#';

        (void) state;
        assert_int_equal(text_copy_utf8(&c, 0, 0, "abc"), 0);
        assert_int_equal(c, '#');
}

static void test_is_utf8(void **state) {
        static const struct {
                const char *text;
                size_t length;
                int is_valid;
        } rows[] = {
                {"", 0, 1},
                {"abc", 3, 1},
                {"\xc3\xa4", 2, 1},
                {"\xc3\xa4", 1, 0},
                {"\xe2\x82\xac", 3, 1},
                {"\xe2\x82\xac", 2, 0},
                {"\xf0\x9f\x98\x80", 4, 1},
                {"\xf0\x9f\x98\x80", 3, 0},
                {"\xed\x9f\xbf", 3, 1},
                {"\xed\xa0\x80", 3, 0},
                {"\xe0\x9f\xbf", 3, 0},
                {"\xf0\x8f\xbf\xbf", 4, 0},
                {"\xf4\x8f\xbf\xbf", 4, 1},
                {"\xf4\x90\x80\x80", 4, 0},
                {"\x80", 1, 0},
                {"a\0b", 3, 0},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char *exact = malloc(rows[i].length + 1); /* the sanitizer sees one byte too many */
                assert_non_null(exact);
                memcpy(exact, rows[i].text, rows[i].length);
                exact = realloc(exact, rows[i].length ? rows[i].length : 1);
                assert_int_equal(text_is_utf8(exact, rows[i].length), rows[i].is_valid);
                free(exact);
        }
}

/* Whatever comes in, what comes out is UTF-8, fits, and has no more characters than allowed. */
static void test_copy_of_anything_is_utf8(void **state) {
        uint32_t random = 1;

        (void) state;
        for (int round = 0; round < 20000; round++) {
                char from[24], to[24];
                for (size_t i = 0; i < sizeof(from); i++) {
                        random = random * 1664525u + 1013904223u;
                        from[i] = (char) (random >> 24);
                        if (random >> 16 & 3)
                                from[i] = (char) (from[i] | 0x80);
                }
                from[sizeof(from) - 1] = '\0';
                size_t size = 1 + (random >> 8) % sizeof(to);
                size_t n = text_copy_utf8(to, size, 5, from), chars = 0;
                assert_true(n < size);
                assert_int_equal(strlen(to), n);
                assert_true(text_is_utf8(to, n));
                for (size_t i = 0; i < n; i++)
                        chars += ((unsigned char) to[i] & 0xc0) != 0x80;
                assert_true(chars <= 5);
        }
}

static void test_next(void **state) {
        static const struct {
                const char *text;
                size_t length;
                uint32_t c;
        } rows[] = {
                {"", 0, 0},
                {"ab", 1, 'a'},
                {"\xc3\xa4", 2, 0xe4},
                {"\xe2\x82\xac", 3, 0x20ac},
                {"\xf0\x9f\x98\x80", 4, 0x1f600},
                {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
                {"\xc3", 1, TEXT_NO_CHAR},
                {"\x9b", 1, TEXT_NO_CHAR},
                {"\xff", 1, TEXT_NO_CHAR},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint32_t c;
                assert_int_equal(text_next(rows[i].text, &c), rows[i].length);
                assert_int_equal(c, rows[i].c);
        }
}

/* The first and the last of each range, and their neighbours. */
static void test_is_control(void **state) {
        static const uint32_t controls[] = {0x01,   0x1b,   0x1f,   0x7f,   0x80,        0x85,
                                            0x9b,   0x9f,   0x61c,  0x200e, 0x200f,      0x2028,
                                            0x202a, 0x202e, 0x2066, 0x2069, TEXT_NO_CHAR};
        static const uint32_t shown[] = {0x20,   0x7e,   0xa0,    0xe4,    0x61b,  0x61d,
                                         0x200d, 0x2010, 0x2027,  0x202f,  0x2065, 0x2070,
                                         0x20ac, 0xfffd, 0x1f600, 0x10ffff};

        (void) state;
        for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
                assert_true(text_is_control(controls[i]));
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
                assert_false(text_is_control(shown[i]));
}

static void test_controls(void **state) {
        static const struct {
                const char *from, *line, *hidden;
        } rows[] = {
                {"", "", ""},
                {"plain \xc3\xa4\xe2\x82\xac", "plain \xc3\xa4\xe2\x82\xac",
                 "plain \xc3\xa4\xe2\x82\xac"},
                {"a\tb\nc\rd", "a b c?d", "a?b?c?d"},
                {"\x1b[2J\x7f", "?[2J?", "?[2J?"},
                {"x\xc2\x9b"
                 "31m\xc2\x85y",
                 "x?31m?y", "x?31m?y"},
                {"\xe2\x80\xae"
                 "abc\xe2\x81\xa6\xd8\x9c",
                 "?abc??", "?abc??"},
                {"a\xe2\x80\xa8"
                 "b",
                 "a?b", "a?b"},
                {"\x9b"
                 "31m\xe2\x82",
                 "?31m??", "?31m??"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char *text = strdup(rows[i].from);
                assert_non_null(text);
                text_make_line(text);
                assert_string_equal(text, rows[i].line);
                free(text);
                text = strdup(rows[i].from);
                assert_non_null(text);
                text_hide_controls(text);
                assert_string_equal(text, rows[i].hidden);
                free(text);
        }
}

static void test_append(void **state) {
        char text[8] = "";

        (void) state;
        assert_int_equal(text_append(text, sizeof(text), "%s-%d", "ab", 1), 0);
        assert_string_equal(text, "ab-1");
        assert_int_equal(text_append(text, sizeof(text), "xyz"), 0);
        assert_string_equal(text, "ab-1xyz");
        assert_int_equal(text_append(text, sizeof(text), "!"), 1);
        assert_string_equal(text, "ab-1xyz");
        assert_int_equal(text_append(text, sizeof(text), "%s", ""), 0);
}

static void test_format(void **state) {
        char *text = text_format("%s=%d", "n", 7);

        (void) state;
        assert_string_equal(text, "n=7");
        free(text);
}

static void test_problems(void **state) {
        Problems problems = {0};
        char text[64];

        (void) state;
        problems_join(&problems, text, sizeof(text));
        assert_string_equal(text, "");
        problems_add(&problems, "one %d", 1);
        problems_add(&problems, "two");
        assert_int_equal(problems.count, 2);
        assert_string_equal(problems.text, "one 1\ntwo");
        problems_join(&problems, text, sizeof(text));
        assert_string_equal(text, "one 1; two");
        problems_join(&problems, text, 8);
        assert_string_equal(text, "one 1; ");
}

static void test_problems_go_on_counting(void **state) {
        Problems problems = {0};
        char line[300];

        (void) state;
        memset(line, 'x', sizeof(line));
        line[sizeof(line) - 1] = '\0';
        for (int i = 0; i < 100; i++)
                problems_add(&problems, "%s", line);
        assert_int_equal(problems.count, 100);
        assert_true(strlen(problems.text) >= sizeof(problems.text) - 310);
        assert_true(strlen(problems.text) < sizeof(problems.text));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copy),
                cmocka_unit_test(test_copy_into_nothing),
                cmocka_unit_test(test_is_utf8),
                cmocka_unit_test(test_copy_of_anything_is_utf8),
                cmocka_unit_test(test_next),
                cmocka_unit_test(test_is_control),
                cmocka_unit_test(test_controls),
                cmocka_unit_test(test_append),
                cmocka_unit_test(test_format),
                cmocka_unit_test(test_problems),
                cmocka_unit_test(test_problems_go_on_counting),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
