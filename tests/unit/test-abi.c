/* Whether a description that a plugin gave can be used: older, newer, and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/abi.h"
#include "util/macro.h"

/* What version 1.0 had, in bytes: written down, because a header only knows its own. */
#define BYTES(of_64_bits, of_32_bits) (sizeof(void *) == 8 ? (of_64_bits) : (of_32_bits))
#define PLUGIN_SIZE_1_0 BYTES(48u, 32u)
#define MODEL_SIZE_1_0 BYTES(48u, 28u)
#define PARAM_SIZE_1_0 BYTES(40u, 24u)
#define RECORD_SIZE_1_0 BYTES(32u, 24u)

static int run(struct rj_context *ctx) {
        (void) ctx;
        return RJ_OK;
}

static const char *const choices[] = {"a", "b", NULL};
static const char *const no_choices[] = {NULL};
static const struct rj_param_desc params[] = {
        {.name = "flag", .type = RJ_PARAM_BOOL},
        {.name = "kind", .type = RJ_PARAM_SELECT, .choices = choices},
        {.name = "group_id", .type = RJ_PARAM_FK},
        {0},
};
static const struct rj_model models[] = {
        {.name = "One", .run = run, .params = params},
        {.name = "Two", .run = run},
        {0},
};
static const struct rj_plugin good = {RJ_PLUGIN_INIT, .name = "Test", .models = models};

static void expect(const struct rj_plugin *desc, int r, const char *words) {
        char why[256] = "";
        assert_int_equal(abi_check(desc, "Test", why, sizeof(why)), r);
        if (words && !strstr(why, words))
                fail_msg("'%s' does not say '%s'", why, words);
}

static void test_good(void **state) {
        (void) state;
        expect(&good, 0, NULL);
        assert_string_equal(abi_model(&good, 0)->name, "One");
        assert_string_equal(abi_model(&good, 1)->name, "Two");
        assert_null(abi_model(&good, 2));
        assert_string_equal(abi_param(&good, &models[0], 2)->name, "group_id");
        assert_null(abi_param(&good, &models[0], 3));
        assert_null(abi_param(&good, &models[1], 0));
}

static void test_numbers(void **state) {
        struct rj_plugin desc;

        (void) state;
        desc = good;
        desc.abi_major = 2;
        expect(&desc, ABI_E_MISMATCH, "built for plugin API 2, this program speaks 1");
        desc.abi_major = 0;
        expect(&desc, ABI_E_MISMATCH, "built for plugin API 0, this program speaks 1");
        desc = good;
        desc.abi_minor = RJ_ABI_MINOR + 1;
        expect(&desc, ABI_E_MISMATCH, "built for plugin API 1.2, this program speaks 1.1");
        for (uint32_t size = 0; size < PLUGIN_SIZE_1_0; size += 4) {
                desc = good;
                desc.struct_size = size;
                expect(&desc, ABI_E_MISMATCH, "bytes");
        }
        desc = good;
        desc.struct_size = PLUGIN_SIZE_1_0;
        expect(&desc, 0, NULL);
        desc = good;
        desc.model_size = MODEL_SIZE_1_0 - 8;
        expect(&desc, ABI_E_MISMATCH, "shorter");
        desc = good;
        desc.param_size = PARAM_SIZE_1_0 - 8;
        expect(&desc, ABI_E_MISMATCH, "shorter");
}

/* Of a description that is too short, nothing behind its end is looked at. */
static void test_short_description(void **state) {
        const uint32_t words[] = {3 * sizeof(uint32_t), 7, 0};
        char why[256];

        (void) state;
        struct rj_plugin *desc = test_malloc(sizeof(words));
        memcpy(desc, words, sizeof(words));
        assert_int_equal(abi_check(desc, "Test", why, sizeof(why)), ABI_E_MISMATCH);
        assert_non_null(strstr(why, "API 7"));
        test_free(desc);
}

/* A plugin of a later version has longer structs; ours is the beginning of each. */
static void test_strides(void **state) {
        static const struct {
                struct rj_param_desc param;
                uint64_t more[3];
        } long_params[] = {{.param = {.name = "flag", .type = RJ_PARAM_BOOL}, .more = {1, 2, 3}},
                           {.param = {.name = "x", .type = RJ_PARAM_INT}, .more = {1, 2, 3}},
                           {.more = {1, 2, 3}}};
        static const struct {
                struct rj_model model;
                uint64_t more;
        } long_models[] = {
                {.model = {.name = "A", .run = run, .params = &long_params[0].param}, .more = 1},
                {.model = {.name = "B", .run = run}, .more = 1},
                {.more = 1}};
        struct rj_plugin desc = good;

        (void) state;
        desc.struct_size += 64;
        desc.model_size = sizeof(long_models[0]);
        desc.param_size = sizeof(long_params[0]);
        desc.models = &long_models[0].model;
        expect(&desc, 0, NULL);
        assert_string_equal(abi_model(&desc, 1)->name, "B");
        assert_null(abi_model(&desc, 2));
        assert_string_equal(abi_param(&desc, abi_model(&desc, 0), 1)->name, "x");
        assert_null(abi_param(&desc, abi_model(&desc, 0), 2));
}

/*
 * A record of whoever has a longer or a shorter struct than we: what the plugin does not have is
 * zero. (test-abi-later runs this with a header that has more than version 1.0.)
 */
static void test_records(void **state) {
        struct {
                struct rj_record record;
                uint64_t more;
        } given = {.record = {.struct_size = sizeof(given),
                              .status = RJ_RECORD_FAILED,
                              .key = "k",
                              .comment = "c",
                              .person_id = 4,
                              .external_identity_id = 5},
                   .more = 6};
        const unsigned sizes[] = {RECORD_SIZE_1_0, sizeof(struct rj_record), sizeof(given)};
        struct rj_record got;

        (void) state;
        memset((char *) &given + RECORD_SIZE_1_0, 0x5a, sizeof(given) - RECORD_SIZE_1_0);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                memset(&got, 0xff, sizeof(got));
                given.record.struct_size = sizes[i];
                assert_int_equal(abi_copy_record(&given.record, &got), 0);
                assert_int_equal(got.status, RJ_RECORD_FAILED);
                assert_string_equal(got.key, "k");
                assert_string_equal(got.comment, "c");
                assert_int_equal(got.person_id, 4);
                assert_int_equal(got.external_identity_id, 5);
                for (size_t at = RECORD_SIZE_1_0; at < sizeof(got); at++)
                        assert_int_equal(((unsigned char *) &got)[at], at < sizes[i] ? 0x5a : 0);
        }
        given.record.struct_size = RECORD_SIZE_1_0 - 1;
        assert_int_equal(abi_copy_record(&given.record, &got), ABI_E_INVALID);
        given.record.struct_size = 0;
        assert_int_equal(abi_copy_record(&given.record, &got), ABI_E_INVALID);
        assert_int_equal(abi_copy_record(NULL, &got), ABI_E_INVALID);
}

static void test_contents(void **state) {
        static const struct rj_param_desc bad_type[] = {{.name = "p", .type = 6}, {0}};
        static const struct rj_param_desc type_0[] = {{.name = "p"}, {0}};
        static const struct rj_param_desc no_list[] = {{.name = "p", .type = RJ_PARAM_SELECT}, {0}};
        static const struct rj_param_desc empty_list[] = {
                {.name = "p", .type = RJ_PARAM_SELECT, .choices = no_choices}, {0}};
        static const struct {
                struct rj_model model;
                const char *words;
        } rows[] = {
                {{.name = "M"}, "no run function"},
                {{.name = "", .run = run}, "no valid name"},
                {{.name = "a b", .run = run}, "no valid name"},
                {{.name = "M", .run = run, .params = bad_type}, "unknown type"},
                {{.name = "M", .run = run, .params = type_0}, "unknown type"},
                {{.name = "M", .run = run, .params = no_list}, "no choices"},
                {{.name = "M", .run = run, .params = empty_list}, "no choices"},
        };
        struct rj_plugin desc = good;

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct rj_model two[] = {models[1], rows[i].model, {0}};
                desc.models = two;
                expect(&desc, ABI_E_INVALID, rows[i].words);
        }
        desc = good;
        desc.models = NULL;
        expect(&desc, ABI_E_INVALID, "no models");
        desc.models = &models[2];
        expect(&desc, ABI_E_INVALID, "no models");
        desc = good;
        desc.name = NULL;
        expect(&desc, ABI_E_INVALID, "calls itself '(nothing)'");
        desc.name = "Other";
        expect(&desc, ABI_E_INVALID, "calls itself 'Other'");
}

static void test_table_without_an_end(void **state) {
        static struct rj_model many[1002];
        static char names[1002][8];
        struct rj_plugin desc = good;

        (void) state;
        for (size_t i = 0; i < 1001; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "M%zu", i);
                many[i] = (struct rj_model){.name = names[i], .run = run};
        }
        desc.models = many;
        expect(&desc, ABI_E_INVALID, NULL);
        many[1000].name = NULL;
        expect(&desc, 0, NULL);
}

static void test_names(void **state) {
        static const struct {
                const char *name;
                size_t length;
                int is_name;
        } rows[] = {{"a", 1, 1},   {"Core_Job2", 9, 1}, {"a.b", 1, 1},     {"a.b", 3, 0},
                    {"", 0, 0},    {"a", 0, 0},         {"2a", 2, 0},      {"_a", 2, 0},
                    {"a/b", 3, 0}, {"a b", 3, 0},       {"\xc3\xa4", 2, 0}};

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(abi_is_name(rows[i].name, rows[i].length), rows[i].is_name);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_short_description),
                cmocka_unit_test(test_strides),
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_contents),
                cmocka_unit_test(test_table_without_an_end),
                cmocka_unit_test(test_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
