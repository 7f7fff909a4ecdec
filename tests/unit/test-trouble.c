/* When a trouble is worth a line, and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/trouble.h"

#define SEC USEC_PER_SEC

static void test_short_ones_are_not_said(void **state) {
        Troubles troubles = {0};
        (void) state;

        trouble_note(&troubles, TROUBLE_TURN, "disk full", 10 * SEC);
        assert_null(trouble_say(&troubles, 12 * SEC));
        assert_int_equal(trouble_over(&troubles, TROUBLE_TURN, 12 * SEC), 0);
        assert_null(trouble_say(&troubles, 60 * SEC));
        assert_null(trouble_told(&troubles));
}

static void test_said_once(void **state) {
        Troubles troubles = {0};
        (void) state;

        trouble_note(&troubles, TROUBLE_TURN, "disk full", 10 * SEC);
        trouble_note(&troubles, TROUBLE_TURN, "disk full", 12 * SEC);
        const Trouble *said = trouble_say(&troubles, 13 * SEC);
        assert_non_null(said);
        assert_string_equal(said->words, "disk full");
        assert_int_equal(said->since_usec, 10 * SEC);
        assert_ptr_equal(trouble_told(&troubles), said);
        for (usec_t now = 14; now < 60; now++) {
                trouble_note(&troubles, TROUBLE_TURN, "disk full", now * SEC);
                assert_null(trouble_say(&troubles, now * SEC));
        }
        assert_int_equal(trouble_over(&troubles, TROUBLE_TURN, 60 * SEC), 50 * SEC);
        assert_null(trouble_told(&troubles));
        assert_int_equal(trouble_over(&troubles, TROUBLE_TURN, 61 * SEC), 0);
}

static void test_words_that_change(void **state) {
        Troubles troubles = {0};
        (void) state;

        trouble_note(&troubles, TROUBLE_START, "one", 10 * SEC);
        assert_non_null(trouble_say(&troubles, 13 * SEC));
        trouble_note(&troubles, TROUBLE_START, "two", 14 * SEC);
        assert_null(trouble_say(&troubles, 22 * SEC));
        const Trouble *said = trouble_say(&troubles, 23 * SEC);
        assert_non_null(said);
        assert_string_equal(said->words, "two");
        assert_int_equal(said->since_usec, 10 * SEC);
        assert_null(trouble_say(&troubles, 40 * SEC));
}

/* Each of its own; nobody meets what nobody tries. */
static void test_kinds(void **state) {
        Troubles troubles = {0};
        (void) state;

        trouble_note(&troubles, TROUBLE_START, "login", 10 * SEC);
        trouble_note(&troubles, TROUBLE_LEASE, "disk", 10 * SEC);
        trouble_note(&troubles, TROUBLE_TURN, "", 10 * SEC);
        assert_string_equal(trouble_say(&troubles, 13 * SEC)->words, "disk");
        assert_string_equal(trouble_say(&troubles, 13 * SEC)->words, "login");
        assert_null(trouble_say(&troubles, 13 * SEC));
        assert_int_equal(trouble_over(&troubles, TROUBLE_TURN, 14 * SEC), 0);
        assert_int_equal(trouble_over(&troubles, TROUBLE_LEASE, 14 * SEC), 4 * SEC);
        assert_string_equal(trouble_told(&troubles)->words, "login");
        assert_null(trouble_say(&troubles, 70 * SEC));
        assert_null(trouble_told(&troubles));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_short_ones_are_not_said),
                cmocka_unit_test(test_said_once),
                cmocka_unit_test(test_words_that_change),
                cmocka_unit_test(test_kinds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
