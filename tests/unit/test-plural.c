/* Names of parameters to names of tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/plural.h"

static void test_names(void **state) {
        static const struct {
                const char *parameter, *table;
        } rows[] = {
                {"provisioning_target_id", "provisioning_targets"},
                {"person_id", "people"},
                {"external_identity_id", "external_identities"},
                {"group_id", "groups"},
                {"address_id", "addresses"},
                {"status_id", "statuses"},
                {"batch_id", "batches"},
                {"crash_id", "crashes"},
                {"box_id", "boxes"},
                {"key_id", "keys"},
                {"array_id", "arrays"},
                {"boy_id", "boys"},
                {"identity", "identities"},
                {"server", "servers"},
                {"idx_id", "idxes"},
                {"", "s"},
                {"_id", "s"},
                {"y_id", "ies"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char table[64];
                plural_table(rows[i].parameter, table, sizeof(table));
                assert_string_equal(table, rows[i].table);
        }
}

static void test_is_cut_not_overrun(void **state) {
        char table[8] = "#######";

        (void) state;
        plural_table("provisioning_target_id", table, 5);
        assert_string_equal(table, "prov");
        assert_int_equal(table[5], '#');
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_is_cut_not_overrun),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
