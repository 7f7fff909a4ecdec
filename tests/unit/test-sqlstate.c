/* What a SQLSTATE means to us. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/sqlstate.h"

static void test_classes(void **state) {
        static const struct {
                const char *sqlstate;
                int class;
        } rows[] = {
                {NULL, DB_E_UNAVAILABLE},    {"", DB_E_UNAVAILABLE},
                {"08006", DB_E_UNAVAILABLE}, {"57P01", DB_E_UNAVAILABLE},
                {"57P03", DB_E_UNAVAILABLE}, {"28P01", DB_E_UNAVAILABLE},
                {"3D000", DB_E_UNAVAILABLE}, {"25006", DB_E_UNAVAILABLE},
                {"58030", DB_E_UNAVAILABLE}, {"40001", DB_E_RETRY},
                {"40P01", DB_E_RETRY},       {"55P03", DB_E_RETRY},
                {"57014", DB_E_RETRY},       {"23505", DB_E_CONFLICT},
                {"23503", DB_E_GONE},        {"3F000", DB_E_SCHEMA},
                {"42P01", DB_E_SCHEMA},      {"42883", DB_E_SCHEMA},
                {"42703", DB_E_SCHEMA},      {"42501", DB_E_SCHEMA},
                {"53100", DB_E_FULL},        {"53300", DB_E_FULL},
                {"23502", -EBADMSG},         {"42601", -EBADMSG},
                {"22P02", -EBADMSG},         {"XX000", -EBADMSG},
                {"P0001", -EBADMSG},         {"4", -EBADMSG},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(sqlstate_classify(rows[i].sqlstate), rows[i].class);
}

static void test_hints(void **state) {
        (void) state;
        assert_non_null(strstr(sqlstate_hint(DB_E_SCHEMA), "registry-job schema"));
        assert_non_null(strstr(sqlstate_hint(DB_E_FULL), "disk"));
        assert_null(sqlstate_hint(DB_E_RETRY));
        assert_null(sqlstate_hint(0));
        assert_null(sqlstate_hint(-EBADMSG));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_classes),
                cmocka_unit_test(test_hints),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
