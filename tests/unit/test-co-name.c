/* Which CO is meant by a name, and what is said when none or several are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/co_name.h"

static const CoName names[] = {
        {1, "COmanage"}, {2, "Physics"}, {3, "Twins"}, {4, "Twins"}, {5, "Physiks"},
};

static void test_found(void **state) {
        char why[CO_NAME_WHY_SIZE] = "untouched";
        int32_t id = 0;

        (void) state;
        assert_int_equal(co_name_find(names, 5, "COmanage", &id, why), 0);
        assert_int_equal(id, 1);
        assert_int_equal(co_name_find(names, 5, "Physiks", &id, why), 0);
        assert_int_equal(id, 5);
        assert_string_equal(why, "untouched");
}

static void test_none(void **state) {
        char why[CO_NAME_WHY_SIZE];
        int32_t id = 4711;

        (void) state;
        assert_int_equal(co_name_find(names, 5, "comanage", &id, why), CO_NAME_E_NONE);
        assert_string_equal(why, "no active CO is called 'comanage'; near to it: 'COmanage' (1)");
        assert_int_equal(co_name_find(names, 5, "Physicks", &id, why), CO_NAME_E_NONE);
        assert_non_null(strstr(why, "'Physics' (2), 'Physiks' (5)"));
        assert_int_equal(co_name_find(names, 5, "Chemistry", &id, why), CO_NAME_E_NONE);
        assert_string_equal(why, "no active CO is called 'Chemistry'");
        assert_int_equal(co_name_find(NULL, 0, "x", &id, why), CO_NAME_E_NONE);
        assert_int_equal(id, 4711);
}

static void test_ambiguous(void **state) {
        char why[CO_NAME_WHY_SIZE];
        int32_t id = 4711;

        (void) state;
        assert_int_equal(co_name_find(names, 5, "Twins", &id, why), CO_NAME_E_AMBIGUOUS);
        assert_string_equal(why, "2 active COs are called 'Twins': give the id of one, 3, 4");
        assert_int_equal(id, 4711);
}

static void test_many(void **state) {
        static CoName many[100];
        char why[CO_NAME_WHY_SIZE];
        int32_t id;

        (void) state;
        for (size_t i = 0; i < 100; i++)
                many[i] = (CoName){(int32_t) i + 1, "Same"};
        assert_int_equal(co_name_find(many, 100, "Same", &id, why), CO_NAME_E_AMBIGUOUS);
        assert_non_null(strstr(why, "1, 2, 3, 4, 5, 6 and 94 more"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_ambiguous),
                cmocka_unit_test(test_many),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
