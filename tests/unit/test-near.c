/* Which names are near a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/near.h"

static void test_distance(void **state) {
        static const struct {
                const char *a, *b;
                size_t distance;
        } rows[] = {
                {"", "", 0},         {"list", "list", 0},      {"LIST", "list", 0},
                {"lst", "list", 1},  {"lisst", "list", 1},     {"lost", "list", 1},
                {"lits", "list", 1}, {"cancle", "cancel", 1},  {"", "abc", 3},
                {"abc", "", 3},      {"kitten", "sitting", 3}, {"retyr", "retry", 1},
                {"abcd", "badc", 2}, {"ca", "abc", 3}, /* no letter moves twice */
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                assert_int_equal(near_distance(rows[i].a, rows[i].b), rows[i].distance);
                assert_int_equal(near_distance(rows[i].b, rows[i].a), rows[i].distance);
        }
}

static void test_long_words(void **state) {
        char longest[NEAR_MAX + 1], longer[NEAR_MAX + 2];

        (void) state;
        memset(longest, 'x', sizeof(longest));
        longest[NEAR_MAX] = '\0';
        memset(longer, 'x', sizeof(longer));
        longer[NEAR_MAX + 1] = '\0';
        assert_int_equal(near_distance(longest, longest), 0);
        assert_int_equal(near_distance(longest, ""), NEAR_MAX);
        assert_int_equal(near_distance(longer, longest), NEAR_MAX);
        assert_false(near_is(longer, longest));
}

static void test_is_near(void **state) {
        static const struct {
                const char *word, *name;
                int is_near;
        } rows[] = {
                {"lsit", "list", 1},
                {"hist", "history", 1},
                {"HIST", "history", 1},
                {"show", "why", 0},
                {"frobnicate", "list", 0},
                {"x", "y", 0},
                {"l", "list", 0},
                {"ab", "cd", 0},
                {"", "list", 0},
                {"grup_id", "group_id", 1},
                {"COmange", "COmanage", 1},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(near_is(rows[i].word, rows[i].name), rows[i].is_near);
}

static void test_the_nearest_is_kept(void **state) {
        Near near = {.word = "cancle"};

        (void) state;
        near_offer(&near, "list");
        assert_null(near.best);
        near_offer(&near, "candle");
        near_offer(&near, "cable");
        assert_string_equal(near.best, "candle");
        near_offer(&near, "cancel"); /* as near: the first stays */
        assert_string_equal(near.best, "candle");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_distance),
                cmocka_unit_test(test_long_words),
                cmocka_unit_test(test_is_near),
                cmocka_unit_test(test_the_nearest_is_kept),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
