/* The most specific limit counts, key by key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limit.h"
#include "util/macro.h"

static LimitOverride overrides[] = {
        {"CoreJob.SyncJob",
         LIMIT_MEMORY | LIMIT_RUN_TIME,
         {.memory_bytes = 300, .run_usec = 0},
         {0}},
        {"CoreJob",
         LIMIT_MEMORY | LIMIT_CPU_TIME | LIMIT_RUN_TIME,
         {.memory_bytes = 200, .cpu_usec = 20, .run_usec = 22},
         {0}},
        {"Other",
         LIMIT_OPEN_FILES | LIMIT_TASKS,
         {.memory_bytes = 1, .open_files = 64, .tasks = 7},
         {0}},
        {"Core", LIMIT_MEMORY, {.memory_bytes = 1}, {0}},
};
static const LimitTable table = {.general = {.memory_bytes = 100,
                                             .cpu_usec = 10,
                                             .run_usec = 11,
                                             .open_files = 12,
                                             .tasks = 13},
                                 .overrides = overrides,
                                 .n = ARRAY_SIZE(overrides)};

static void test_most_specific(void **state) {
        static const struct {
                const char *model;
                Limits limits;
        } rows[] = {
                {"CoreJob.SyncJob", {300, 20, 0, 12, 13}},
                {"CoreJob.NesterJob", {200, 20, 22, 12, 13}},
                {"CoreJob", {200, 20, 22, 12, 13}},
                {"Other.Model", {100, 10, 11, 64, 7}},
                {"None.Model", {100, 10, 11, 12, 13}},
                {"CoreJob.SyncJobX", {200, 20, 22, 12, 13}},
                {"CoreJobX.SyncJob", {100, 10, 11, 12, 13}},
                {"", {100, 10, 11, 12, 13}},
                {".", {100, 10, 11, 12, 13}},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Limits found = limit_resolve(&table, rows[i].model);
                if (memcmp(&found, &rows[i].limits, sizeof(found)))
                        fail_msg("%s", rows[i].model);
        }
}

static void test_quarantine(void **state) {
        static LimitOverride of_models[] = {
                {"CoreJob.SyncJob", LIMIT_FAILURES | LIMIT_MEMORY, {0}, {9, 1}},
                {"CoreJob", LIMIT_ON_FAILURE, {0}, {8, 1}},
                {"Other.Model", LIMIT_QUARANTINE, {0}, {0, 0}},
                {"Third", LIMIT_MEMORY, {0}, {7, 1}},
        };
        static const LimitTable held = {
                .quarantine = {3, 0}, .overrides = of_models, .n = ARRAY_SIZE(of_models)};
        static const struct {
                const char *model;
                Quarantine wanted;
        } rows[] = {{"CoreJob.SyncJob", {9, 1}}, {"CoreJob.NesterJob", {3, 1}},
                    {"Other.Model", {0, 0}},     {"Other.Second", {3, 0}},
                    {"Third.Model", {3, 0}},     {"", {3, 0}}};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Quarantine found = limit_quarantine(&held, rows[i].model);
                if (found.failures != rows[i].wanted.failures ||
                    found.holds_on_failure != rows[i].wanted.holds_on_failure)
                        fail_msg("%s", rows[i].model);
        }
}

static void test_no_limits(void **state) {
        const LimitTable none = {0};
        Limits zero = {0}, found = limit_resolve(&none, "Plugin.Model");

        (void) state;
        assert_memory_equal(&found, &zero, sizeof(zero));
}

static void test_for_whom(void **state) {
        static const struct {
                const char *model;
                size_t i; /* of overrides */
                int expected;
        } rows[] = {
                {"CoreJob.SyncJob", 0, 1},
                {"CoreJob.NesterJob", 0, 0},
                {"CoreJob.SyncJobX", 0, 0},
                {"CoreJob.SyncJo", 0, 0},
                {"CoreJob", 0, 0},
                {"CoreJob.SyncJob", 1, 1},
                {"CoreJob.NesterJob", 1, 1},
                {"CoreJobX.SyncJob", 1, 0},
                {"Core.SyncJob", 1, 0},
                {"CoreJob.SyncJob", 3, 0},
                {"", 3, 0},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (limit_is_for(&overrides[rows[i].i], rows[i].model) != rows[i].expected)
                        fail_msg("%s, %s", overrides[rows[i].i].name, rows[i].model);
}

static void test_names(void **state) {
        static const char *const good[] = {"A", "CoreJob", "Core_Job2", "CoreJob.SyncJob", "A.B"};
        static const char *const bad[] = {"", ".", "A.", ".B", "A.B.C", "1A", "A.1", "A B", "A-B"};
        char name[LIMIT_NAME_SIZE + 1];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!limit_is_name(good[i]))
                        fail_msg("%s", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (limit_is_name(bad[i]))
                        fail_msg("%s", bad[i]);
        memset(name, 'a', sizeof(name));
        name[LIMIT_NAME_SIZE] = '\0';
        assert_false(limit_is_name(name));
        name[LIMIT_NAME_SIZE - 1] = '\0';
        assert_true(limit_is_name(name));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_most_specific), cmocka_unit_test(test_quarantine),
                cmocka_unit_test(test_no_limits),     cmocka_unit_test(test_for_whom),
                cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
