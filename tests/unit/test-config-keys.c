/* The table of keys. `--keys` prints it, for tests/lint/check-manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_keys.h"
#include "config/config_value.h"

/* Every row has what its type needs, and no two rows are one key. */
static void test_table(void **state) {
        const char *name;

        (void) state;
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                char written[80];
                int has_range = key->type == CONFIG_INT || key->type == CONFIG_DURATION ||
                                key->type == CONFIG_SIZE;

                (void) snprintf(written, sizeof(written), "%s%s", key->name,
                                config_key_is_named(key) ? ".a" : "");
                assert_ptr_equal(config_key_find(key->section, written, &name), key);
                assert_int_equal(key->max > key->min, has_range);
                assert_int_equal(key->words != NULL, key->type == CONFIG_WORD);
                assert_int_equal(key->limit != 0, key->section == CONFIG_LIMITS ||
                                                          key->section == CONFIG_QUARANTINE);
                assert_int_equal((key->limit & LIMIT_QUARANTINE) != 0,
                                 key->section == CONFIG_QUARANTINE);
                assert_true(key->otherwise || key->section == CONFIG_EXEC ||
                            key->section == CONFIG_REGISTRY || key->section == CONFIG_HOOKS);
        }
}

static const char *const reaches[] = {[CONFIG_AT_ONCE] = "at once",
                                      [CONFIG_NEXT_WORKER] = "next worker",
                                      [CONFIG_RESTART] = "restart"};

/* One line for each key: section, key, least and greatest value, words, default, reach. */
static void print_keys(void) {
        char min[32], max[32], words[256];

        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                config_value_describe_bound(key, key->min, min, sizeof(min));
                config_value_describe_bound(key, key->max, max, sizeof(max));
                words[0] = '\0';
                for (const ConfigWord *w = key->words; w && w->word; w++)
                        (void) snprintf(words + strlen(words), sizeof(words) - strlen(words),
                                        "%s%s", *words ? " " : "", w->word);
                (void) printf("%s|%s%s|%s|%s|%s|%s|%s\n", config_sections[key->section].name,
                              key->name, config_key_is_named(key) ? ".NAME" : "", min, max, words,
                              key->otherwise ? key->otherwise : "", reaches[key->reach]);
        }
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

        if (argc > 1 && !strcmp(argv[1], "--keys")) {
                print_keys();
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
