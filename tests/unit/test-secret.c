/* How stored parameters may be shown: what is secret, or may be, never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/secret.h"

static const struct rj_param_desc secret_params[] = {
        {.name = "token", .type = RJ_PARAM_STRING, .flags = RJ_PARAM_SECRET | RJ_PARAM_REQUIRED},
        {.name = "text", .type = RJ_PARAM_STRING},
        {0},
};
static const struct rj_param_desc open_params[] = {
        {.name = "text", .type = RJ_PARAM_STRING, .flags = RJ_PARAM_REQUIRED},
        {0},
};
static const struct rj_model secret = {.name = "Secret", .params = secret_params};
static const struct rj_model open = {.name = "Open", .params = open_params};
static const struct rj_model none = {.name = "None", .flags = RJ_MODEL_ANY_PARAMETERS};

static void test_which_are_secret(void **state) {
        (void) state;
        assert_true(secret_is_possible(NULL));
        assert_true(secret_is_possible(&secret));
        assert_false(secret_is_possible(&open));
        assert_false(secret_is_possible(&none));

        assert_true(secret_has_name(&secret, "token"));
        assert_false(secret_has_name(&secret, "text"));
        assert_true(secret_has_name(&secret, "tokn")); /* it may be meant */
        assert_false(secret_has_name(&open, "tokn"));
        assert_false(secret_has_name(&none, "token"));
        assert_true(secret_has_name(NULL, "text"));
}

static void test_hiding(void **state) {
        static const struct {
                const struct rj_model *model;
                const char *json, *shown; /* NULL: as it is */
        } rows[] = {
                {&secret, "{\"token\":\"x\",\"text\":\"y\"}",
                 "{\"token\":\"(secret)\",\"text\":\"y\"}"},
                {&secret, "{\"token\":{\"a\":[\"x\"]}}", "{\"token\":\"(secret)\"}"},
                {&secret, "{\"token\":null,\"token\":\"x\"}", "{\"token\":\"(secret)\"}"},
                {&secret, "{\"tokn\":\"x\"}", "{\"tokn\":\"(hidden)\"}"},
                {&secret, "{ \"text\": \"y\" }", NULL},
                {&secret, "[\"x\"]", "(hidden)"},
                {&secret, "\"x\"", "(hidden)"},
                {&secret, "{\"token\":\"x\"", "(hidden)"},
                {&secret, "{\"token\":\"\\u0000\"}", "(hidden)"},
                {&secret, "", NULL},
                {&secret, "[]", NULL},
                {&secret, "{}", NULL},
                {&open, "{\"text\":\"x\", \"other\":1}", NULL},
                {&open, "{\"text\":", NULL},
                {&none, "{\"token\":\"x\"}", NULL},
                {NULL, "{\"a\":\"x\",\"b\":17}", "{\"a\":\"(hidden)\",\"b\":\"(hidden)\"}"},
                {NULL, "x", "(hidden)"},
                {NULL, "[]", NULL},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char *shown = secret_hide(rows[i].json, rows[i].model);
                assert_non_null(shown);
                assert_string_equal(shown, rows[i].shown ? rows[i].shown : rows[i].json);
                free(shown);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_are_secret),
                                           cmocka_unit_test(test_hiding)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
