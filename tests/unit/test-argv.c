/* A command line to an argument vector, without a shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/argv.h"

static void test_split(void **state) {
        static const struct {
                const char *line;
                const char *words[5];
        } rows[] = {
                {"a", {"a"}},
                {"/bin/echo a  b\tc ", {"/bin/echo", "a", "b", "c"}},
                {"  a", {"a"}},
                {"'a b' \"c d\"", {"a b", "c d"}},
                {"a' 'b\" \"c", {"a b c"}},
                {"''", {""}},
                {"'' \"\" x", {"", "", "x"}},
                {"a\\ b", {"a b"}},
                {"'a\\b'", {"a\\b"}},
                {"\"a\\\"b\"", {"a\"b"}},
                {"\\'", {"'"}},
                {"'\"' \"'\"", {"\"", "'"}},
                {"$HOME *;|&", {"$HOME", "*;|&"}},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char **argv = NULL;
                assert_int_equal(argv_split(rows[i].line, &argv), 0);
                size_t k = 0;
                for (; rows[i].words[k]; k++) {
                        assert_non_null(argv[k]);
                        assert_string_equal(argv[k], rows[i].words[k]);
                }
                assert_null(argv[k]);
                assert_null(argv_free(argv));
        }
}

static void test_errors(void **state) {
        static const struct {
                const char *line;
                int r;
        } rows[] = {
                {"", ARGV_E_EMPTY},        {" \t ", ARGV_E_EMPTY}, {"'", ARGV_E_QUOTE},
                {"a 'b", ARGV_E_QUOTE},    {"\"a", ARGV_E_QUOTE},  {"a\\", ARGV_E_QUOTE},
                {"\"a\\\"", ARGV_E_QUOTE},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char **argv = NULL;
                assert_int_equal(argv_split(rows[i].line, &argv), rows[i].r);
                assert_null(argv);
        }
        assert_null(argv_free(NULL));
}

/* Every line of up to seven of these characters: no byte too many, and errors where they belong. */
static void test_all_short_lines(void **state) {
        static const char alphabet[] = {'a', ' ', '\'', '"', '\\'};

        (void) state;
        for (unsigned number = 0; number < 5 * 5 * 5 * 5 * 5 * 5 * 5; number++) {
                char line[8] = "";
                unsigned rest = number;
                for (int i = 0; i < 7; i++, rest /= 5)
                        line[i] = alphabet[rest % 5];
                char **argv = NULL;
                int r = argv_split(line, &argv);
                assert_true(r >= 0 && r <= ARGV_E_EMPTY);
                assert_int_equal(argv != NULL, r == 0);
                argv_free(argv);
        }
}

static void test_copy(void **state) {
        static const char *const none[] = {NULL}, *const words[] = {"a b", "", "'c", NULL};
        char **argv = argv_copy(words);

        (void) state;
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(argv[i], words[i]);
        assert_null(argv[3]);
        argv_free(argv);
        argv = argv_copy(none);
        assert_null(argv[0]);
        argv_free(argv);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_all_short_lines),
                cmocka_unit_test(test_copy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
