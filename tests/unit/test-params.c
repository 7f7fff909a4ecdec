/* Stored parameters: every type, every way to write it, and everything wrong told at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/params.h"

#define TYPE(t) (1u << RJ_PARAM_##t)

static const char *const kinds[] = {"full", "delta", NULL};
static const struct rj_param_desc table[] = {
        {.name = "flag", .type = RJ_PARAM_BOOL},
        {.name = "count", .type = RJ_PARAM_INT},
        {.name = "kind", .type = RJ_PARAM_SELECT, .choices = kinds},
        {.name = "text", .type = RJ_PARAM_STRING},
        {.name = "group_id", .type = RJ_PARAM_FK},
        {.name = "target", .type = RJ_PARAM_FK, .table = "provisioning_targets"},
        {.name = "pin", .type = RJ_PARAM_INT, .flags = RJ_PARAM_SECRET},
        {.name = "mode", .type = RJ_PARAM_SELECT, .flags = RJ_PARAM_SECRET, .choices = kinds},
        {0},
};
static const struct rj_model model = {.name = "Model", .params = table};
static const struct rj_param_desc strict_table[] = {
        {.name = "must", .type = RJ_PARAM_INT, .flags = RJ_PARAM_REQUIRED},
        {0},
};
static const struct rj_model strict = {.name = "Strict", .params = strict_table};
static const struct rj_model none = {.name = "None"};
static const struct rj_model any = {.name = "Any", .flags = RJ_MODEL_ANY_PARAMETERS};

static Params *good(const char *json, const struct rj_model *of) {
        Params *params = NULL;
        Problems problems = {0};
        int r = params_new(json, of, &params, &problems);
        if (r)
                fail_msg("%s: %d %s", json, r, problems.text);
        assert_non_null(params);
        assert_int_equal(problems.count, 0);
        return params;
}

static void bad(const char *json, const struct rj_model *of, size_t count, const char *words) {
        Params *params = NULL;
        Problems problems = {0};
        assert_int_equal(params_new(json, of, &params, &problems), PARAMS_E_INVALID);
        assert_null(params);
        assert_int_equal(problems.count, count);
        if (!strstr(problems.text, words))
                fail_msg("%s: '%s' does not say '%s'", json, problems.text, words);
}

static void test_nothing_given(void **state) {
        static const char *const texts[] = {NULL,     "", "[]", " [ ] ", "{}", "{\"count\":null}",
                                            " { } \n"};

        (void) state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                Params *params = good(texts[i], &model);
                for (int k = 0; table[k].name; k++)
                        assert_int_equal(params_given(params, k), 0);
                params_free(params);
        }
        params_free(good(NULL, &none));
        assert_null(params_free(NULL));
}

static void test_integers(void **state) {
        static const struct {
                const char *json;
                int64_t value;
        } rows[] = {
                {"{\"count\":17}", 17},
                {"{\"count\":\"17\"}", 17},
                {"{\"count\":\"-17\"}", -17},
                {"{\"count\":0}", 0},
                {"{\"count\":9223372036854775807}", INT64_MAX},
                {"{\"count\":\"-9223372036854775808\"}", INT64_MIN},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Params *params = good(rows[i].json, &model);
                int index = params_find(params, "count", TYPE(INT));
                assert_int_equal(params_given(params, index), 1);
                assert_true(params_integer(params, index) == rows[i].value);
                params_free(params);
        }
}

static void test_booleans(void **state) {
        static const struct {
                const char *json;
                int value;
        } rows[] = {{"{\"flag\":true}", 1},     {"{\"flag\":false}", 0},    {"{\"flag\":1}", 1},
                    {"{\"flag\":0}", 0},        {"{\"flag\":\"1\"}", 1},    {"{\"flag\":\"0\"}", 0},
                    {"{\"flag\":\"true\"}", 1}, {"{\"flag\":\"false\"}", 0}};

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Params *params = good(rows[i].json, &model);
                int index = params_find(params, "flag", TYPE(BOOL));
                assert_int_equal(params_given(params, index), 1);
                assert_int_equal(params_integer(params, index), rows[i].value);
                params_free(params);
        }
}

static void test_strings(void **state) {
        Params *params = good("{\"kind\":\"delta\",\"text\":\"\\u00e4\\n\\/\"}", &model);

        (void) state;
        assert_string_equal(params_string(params, params_find(params, "kind", TYPE(SELECT))),
                            "delta");
        assert_string_equal(params_string(params, params_find(params, "text", TYPE(STRING))),
                            "\xc3\xa4\n/");
        params_free(params);
        params = good("{\"text\":17}", &model);
        assert_string_equal(params_string(params, params_find(params, "text", TYPE(STRING))), "17");
        params_free(params);
}

static void test_ids(void **state) {
        static const struct {
                const char *json;
                size_t n;
                int32_t ids[3];
        } rows[] = {
                {"{\"group_id\":3}", 1, {3}},
                {"{\"group_id\":\"3\"}", 1, {3}},
                {"{\"group_id\":\"3,5,3\"}", 3, {3, 5, 3}},
                {"{\"group_id\":\" 3 , 5 \"}", 2, {3, 5}},
                {"{\"group_id\":\"2147483647\"}", 1, {INT32_MAX}},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const int32_t *ids = NULL;
                Params *params = good(rows[i].json, &model);
                int index = params_find(params, "group_id", TYPE(FK));
                assert_int_equal(params_ids(params, index, &ids), rows[i].n);
                assert_memory_equal(ids, rows[i].ids, rows[i].n * sizeof(*ids));
                params_free(params);
        }
}

static void test_values_that_are_refused(void **state) {
        static const struct {
                const char *json, *words;
        } rows[] = {
                {"{\"count\":\"\"}", "parameter 'count' must be an integer, not ''"},
                {"{\"count\":\"x\"}", "parameter 'count' must be an integer, not 'x'"},
                {"{\"count\":1.5}", "must be an integer, not '1.5'"},
                {"{\"count\":true}", "parameter 'count' must be an integer"},
                {"{\"count\":[]}", "must be an integer"},
                {"{\"count\":\"9223372036854775808\"}", "must be an integer"},
                {"{\"flag\":2}", "parameter 'flag' must be a boolean"},
                {"{\"flag\":\"yes\"}", "must be a boolean"},
                {"{\"flag\":\"\"}", "must be a boolean"},
                {"{\"flag\":{}}", "must be a boolean"},
                {"{\"kind\":\"Full\"}", "must be one of full, delta, not 'Full'"},
                {"{\"kind\":true}", "must be one of full, delta"},
                {"{\"text\":true}", "parameter 'text' must be a string"},
                {"{\"text\":[\"a\"]}", "must be a string"},
                {"{\"group_id\":0}", "parameter 'group_id' must be an id"},
                {"{\"group_id\":-1}", "must be an id"},
                {"{\"group_id\":\"\"}", "must be an id"},
                {"{\"group_id\":\"3,\"}", "must be an id"},
                {"{\"group_id\":\",3\"}", "must be an id"},
                {"{\"group_id\":\"3,,5\"}", "must be an id"},
                {"{\"group_id\":\"3 5\"}", "must be an id"},
                {"{\"group_id\":\"3 55\"}", "must be an id"},
                {"{\"group_id\":\"2147483648\"}", "must be an id"},
                {"{\"group_id\":\"00000000000000000000003\"}", "must be an id"},
                {"{\"group_id\":[3]}", "must be an id"},
                {"{\"other\":1}", "parameter 'other' is not known to Model"},
                {"{\"cuont\":1}", "not known to Model; did you mean 'count'?"},
                {"{\"Count\":1}", "parameter 'Count' is not known to Model"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                bad(rows[i].json, &model, 1, rows[i].words);
}

static void test_texts_that_are_refused(void **state) {
        static const struct {
                const char *json, *words;
        } rows[] = {
                {"{", "parameters are not JSON"},
                {"nonsense", "parameters are not JSON"},
                {"{\"count\":1}x", "parameters are not JSON"},
                {"{\"count\":1,\"count\":2}", "parameters are not JSON"},
                {"{\"text\":\"\\u0000\"}", "parameters are not JSON"},
                {"{\"text\":\"\xff\"}", "parameters are not JSON"},
                {"[1]", "parameters are not a JSON object"},
                {"17", "not"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                bad(rows[i].json, &model, 1, rows[i].words);
}

static void test_all_problems_together(void **state) {
        (void) state;
        bad("{\"count\":\"x\",\"flag\":7,\"kind\":\"y\",\"other\":1,\"more\":2}", &model, 5,
            "parameter 'more' is not known");
        bad("{}", &strict, 1, "parameter 'must' is required");
        bad("{\"must\":null}", &strict, 1, "parameter 'must' is required");
        bad("{\"x\":1}", &strict, 2, "parameter 'must' is required");
        bad("{\"x\":1}", &none, 1, "not known to None");
}

/* The problems of somebody else before us are not ours. */
static void test_problems_before(void **state) {
        Problems problems = {0};
        Params *params = NULL;

        (void) state;
        problems_add(&problems, "something");
        assert_int_equal(params_new("{}", &model, &params, &problems), 0);
        params_free(params);
}

static void test_secrets_are_not_repeated(void **state) {
        static const char *const texts[] = {"{\"pin\":\"hunter2\"}", "{\"mode\":\"hunter2\"}",
                                            "{\"pin\":hunter2}", "hunter2",
                                            "{\"pin\":1,\"pin\":\"hunter2\"}"};

        (void) state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                Params *params = NULL;
                Problems problems = {0};
                assert_int_equal(params_new(texts[i], &model, &params, &problems),
                                 PARAMS_E_INVALID);
                assert_null(strstr(problems.text, "hunter2"));
        }
}

static void test_sizes(void **state) {
        char *json = malloc(PARAMS_MAX_BYTES + 100);

        (void) state;
        memset(json, ' ', PARAMS_MAX_BYTES + 1);
        memcpy(json, "{}", 2);
        json[PARAMS_MAX_BYTES] = '\0';
        params_free(good(json, &model));
        json[PARAMS_MAX_BYTES] = ' ';
        json[PARAMS_MAX_BYTES + 1] = '\0';
        bad(json, &model, 1, "longer than 1048576 bytes");

        strcpy(json, "{\"group_id\":\"1");
        for (size_t i = 1; i < PARAMS_MAX_IDS; i++)
                memcpy(json + 12 + 2 * i, ",1", 3);
        strcat(json, "\"}");
        Params *params = good(json, &model);
        const int32_t *ids = NULL;
        assert_int_equal(params_ids(params, 4, &ids), PARAMS_MAX_IDS);
        params_free(params);
        strcpy(json + strlen(json) - 2, ",1\"}");
        bad(json, &model, 1, "parameter 'group_id' must be an id");
        free(json);
}

static void test_deep_nesting(void **state) {
        char *json = malloc(200001);

        (void) state;
        memset(json, '[', 200000);
        json[200000] = '\0';
        bad(json, &any, 1, "parameters are not JSON");
        free(json);
}

static void test_any_parameters(void **state) {
        Params *params = good("{ \"x\" : {\"y\": [1, null]} }", &any);

        (void) state;
        assert_string_equal(params_json(params), "{\"x\":{\"y\":[1,null]}}");
        params_free(params);
        params = good(NULL, &any);
        assert_string_equal(params_json(params), "{}");
        params_free(params);
}

static void test_find(void **state) {
        Params *params = good("{}", &model);

        (void) state;
        assert_int_equal(params_find(params, "count", TYPE(INT)), 1);
        assert_int_equal(params_find(params, "count", TYPE(INT) | TYPE(BOOL)), 1);
        assert_int_equal(params_find(params, "count", TYPE(STRING)), -1);
        assert_int_equal(params_find(params, "typo", ~0u), -1);
        params_free(params);
}

static void test_foreign(void **state) {
        Params *params = good("{\"target\":7,\"group_id\":\"1,2\",\"count\":3}", &model);
        char name[64] = "";

        (void) state;
        assert_int_equal(params_foreign(params, 0, name, sizeof(name)), 4);
        assert_string_equal(name, "groups");
        assert_int_equal(params_foreign(params, 5, name, sizeof(name)), 5);
        assert_string_equal(name, "provisioning_targets");
        assert_int_equal(params_foreign(params, 6, name, sizeof(name)), -1);
        params_free(params);
        params = good("{}", &model);
        assert_int_equal(params_foreign(params, 0, name, sizeof(name)), -1);
        params_free(params);
}

static void test_words(void **state) {
        char *const words[] = {(char[]){"a=1"}, (char[]){"b=x=y"}, (char[]){"c=\xc3\xa4/"},
                               (char[]){"d="}};
        Problems problems = {0};
        char *json = NULL;

        (void) state;
        assert_int_equal(params_from_words(words, 4, &strict, &json, &problems), 0);
        assert_string_equal(json, "{\"a\":\"1\",\"b\":\"x=y\",\"c\":\"\\u00E4\\/\",\"d\":\"\"}");
        free(json);
        assert_int_equal(params_from_words(NULL, 0, &strict, &json, &problems), 0);
        assert_string_equal(json, "[]");
        free(json);
}

/* A boolean is stored so that PHP takes it for what it is; what is none is refused by others. */
static void test_booleans_of_words(void **state) {
        static const char *const rows[][2] = {
                {"true", "{\"flag\":\"1\"}"}, {"false", "{\"flag\":\"0\"}"},
                {"1", "{\"flag\":\"1\"}"},    {"0", "{\"flag\":\"0\"}"},
                {"no", "{\"flag\":\"no\"}"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char word[32], *const words[] = {word}, *json = NULL;
                Problems problems = {0};

                (void) snprintf(word, sizeof(word), "flag=%s", rows[i][0]);
                assert_int_equal(params_from_words(words, 1, &model, &json, &problems), 0);
                assert_string_equal(json, rows[i][1]);
                free(json);
        }
}

static void test_words_that_are_refused(void **state) {
        char *const words[] = {(char[]){"a=1"},   (char[]){"novalue"}, (char[]){"=x"},
                               (char[]){"a=2"},   (char[]){"b=\xff"},  (char[]){"\xff=1"},
                               (char[]){"good=1"}};
        char *json = NULL;
        Problems problems = {0};

        (void) state;
        assert_int_equal(params_from_words(words, 7, &strict, &json, &problems), PARAMS_E_INVALID);
        assert_null(json);
        assert_int_equal(problems.count, 5);
        assert_non_null(strstr(problems.text, "'novalue' is not of the form name=value"));
        assert_non_null(strstr(problems.text, "parameter 'a' is given twice"));
        assert_non_null(strstr(problems.text, "parameter 'b' is not UTF-8"));
}

/* A word without a name may be the value of a secret parameter. */
static void test_words_that_may_be_secret(void **state) {
        char *const words[] = {(char[]){"pin=1"}, (char[]){"hunter2"}, (char[]){"=hunter2"}};
        char *json = NULL;
        Problems problems = {0};

        (void) state;
        assert_int_equal(params_from_words(words, 3, &model, &json, &problems), PARAMS_E_INVALID);
        assert_int_equal(problems.count, 2);
        assert_non_null(strstr(problems.text, "word 2 is not of the form name=value"));
        assert_null(strstr(problems.text, "hunter2"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_given),
                cmocka_unit_test(test_integers),
                cmocka_unit_test(test_booleans),
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_values_that_are_refused),
                cmocka_unit_test(test_texts_that_are_refused),
                cmocka_unit_test(test_all_problems_together),
                cmocka_unit_test(test_problems_before),
                cmocka_unit_test(test_secrets_are_not_repeated),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_deep_nesting),
                cmocka_unit_test(test_any_parameters),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_foreign),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_booleans_of_words),
                cmocka_unit_test(test_words_that_are_refused),
                cmocka_unit_test(test_words_that_may_be_secret),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
