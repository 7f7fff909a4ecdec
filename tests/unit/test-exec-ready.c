/* The first line of a resident program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/ready.h"

static void test_whole(void **state) {
        static const char line[] =
                "{\"ready\": 1, \"models\": ["
                "{\"model\": \"Z.Last\"},"
                "{\"model\": \"A.First\", \"parameters\": ["
                "{\"name\": \"kind\", \"type\": \"select\", \"choices\": [\"a\", \"b c\"],"
                " \"required\": true, \"help\": \"which\"},"
                "{\"name\": \"group_id\", \"type\": \"fk\", \"table\": \"groups\","
                " \"required\": false, \"help\": null},"
                "{\"name\": \"pin\", \"type\": \"string\", \"secret\": true},"
                "{\"name\": \"n\", \"type\": \"integer\"}, {\"name\": \"b\", \"type\": \"bool\"}]},"
                "{\"model\": \"M.None\", \"parameters\": []}]}";
        Ready *ready = NULL;
        char why[300];

        (void) state;
        assert_int_equal(ready_parse(line, strlen(line), &ready, why, sizeof(why)), 0);
        assert_int_equal(ready->n_models, 3);
        const ReadyModel *model = ready_find(ready, "A.First");
        assert_non_null(model);
        const struct rj_param_desc *p = model->params;
        assert_string_equal(p[0].name, "kind");
        assert_int_equal(p[0].type, RJ_PARAM_SELECT);
        assert_int_equal(p[0].flags, RJ_PARAM_REQUIRED);
        assert_string_equal(p[0].help, "which");
        assert_string_equal(p[0].choices[1], "b c");
        assert_null(p[0].choices[2]);
        assert_int_equal(p[1].type, RJ_PARAM_FK);
        assert_string_equal(p[1].table, "groups");
        assert_null(p[1].help);
        assert_int_equal(p[2].flags, RJ_PARAM_SECRET);
        assert_int_equal(p[3].type, RJ_PARAM_INT);
        assert_int_equal(p[4].type, RJ_PARAM_BOOL);
        assert_null(p[5].name);
        assert_null(ready_find(ready, "Z.Last")->params);
        assert_null(ready_find(ready, "M.None")->params[0].name);
        assert_null(ready_find(ready, "B.Other"));
        ready_free(ready);
        ready = NULL;
        assert_int_equal(ready_parse("{\"ready\":1}", 11, &ready, why, sizeof(why)), 0);
        assert_int_equal(ready->n_models, 0);
        assert_null(ready_find(ready, "A.First"));
        ready_free(ready);
}

#define MODEL(members) "{\"ready\":1,\"models\":[{\"model\":\"A.B\"," members "}]}"
#define PARAM(members) MODEL("\"parameters\":[{\"name\":\"x\"," members "}]")

/* It says why not, in words that may be too long. */
static void test_failed(void **state) {
        static const char line[] = "{\"failed\": \"the directory \\u201cx\\u201d is not there\"}";
        Ready *ready = NULL;
        char why[300], little[16];

        (void) state;
        assert_int_equal(ready_parse(line, strlen(line), &ready, why, sizeof(why)), READY_E_FAILED);
        assert_string_equal(why, "the directory \xe2\x80\x9cx\xe2\x80\x9d is not there");
        assert_int_equal(ready_parse(line, strlen(line), &ready, little, sizeof(little)),
                         READY_E_FAILED);
        assert_string_equal(little, "the directory ");
        assert_null(ready);
}

static void test_refused(void **state) {
        static const struct {
                const char *line, *why;
        } cases[] = {
                {"hello", "'[' or '{' expected near 'hello'"},
                {"[1]", "not a JSON object"},
                {"{}", "missing member 'ready'"},
                {"{\"failed\":7}", "member 'failed' must be a string"},
                {"{\"ready\":2}", "it speaks version 2, and this daemon version 1"},
                {"{\"ready\":true}", "member 'ready' must be a number"},
                {"{\"ready\":1,\"modelz\":[]}", "unknown member 'modelz'"},
                {"{\"ready\":1,\"models\":{}}", "member 'models' must be an array"},
                {"{\"ready\":1,\"models\":[7]}", "model 1: not an object"},
                {"{\"ready\":1,\"models\":[{}]}", "model 1: missing member 'model'"},
                {"{\"ready\":1,\"models\":[{\"model\":\"AB\"}]}",
                 "model 1: 'model' must be of the"},
                {"{\"ready\":1,\"models\":[{\"model\":\"A.B\"},{\"model\":\"A.B\"}]}",
                 "model 'A.B' is named twice"},
                {"{\"ready\":1,\"models\":[{\"model\":\"\xff\"}]}", "not UTF-8"},
                {MODEL("\"parameters\":7"), "model 1: member 'parameters' must be an array"},
                {MODEL("\"parameters\":[{}]"), "model 1: parameter 1: missing member 'name'"},
                {MODEL("\"parameters\":[{\"name\":\"\",\"type\":\"bool\"}]"), "from 1 to 64 bytes"},
                {MODEL("\"parameters\":[{\"name\":\"x\",\"type\":\"bool\"},"
                       "{\"name\":\"x\",\"type\":\"bool\"}]"),
                 "model 1: parameter 2: its name is given twice"},
                {PARAM("\"typ\":\"bool\""), "parameter 1: unknown member 'typ'"},
                {PARAM("\"type\":\"boolean\""), "'type' must be bool, integer, string, select or"},
                {PARAM("\"type\":\"bool\",\"required\":1"), "'required' must be true or false"},
                {PARAM("\"type\":\"select\""), "'choices' are for a select, which must have some"},
                {PARAM("\"type\":\"select\",\"choices\":[]"), "'choices' are for a select"},
                {PARAM("\"type\":\"bool\",\"choices\":[\"a\"]"), "'choices' are for a select"},
                {PARAM("\"type\":\"select\",\"choices\":[\"\"]"), "a string that is not empty"},
                {PARAM("\"type\":\"select\",\"choices\":[1]"), "a string that is not empty"},
                {PARAM("\"type\":\"select\",\"choices\":[\"a\",\"a\"]"), "choice is given twice"},
                {PARAM("\"type\":\"bool\",\"table\":\"t\""), "'table' is for an fk"},
                {PARAM("\"type\":\"fk\",\"table\":\"a; b\""), "'table' is for an fk"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Ready *ready = NULL;
                char why[300] = "";
                assert_int_equal(
                        ready_parse(cases[i].line, strlen(cases[i].line), &ready, why, sizeof(why)),
                        READY_E_MALFORMED);
                if (!strstr(why, cases[i].why))
                        fail_msg("'%s' says '%s'", cases[i].line, why);
                assert_null(ready);
        }
}

/* A line with n elements, which differ in a number. */
typedef struct Many {
        const char *begin, *before, *behind, *end;
} Many;

static int parse_many(const Many *many, size_t n, char *why, size_t size) {
        const size_t room = strlen(many->before) + strlen(many->behind) + 24;
        char *line = malloc(strlen(many->begin) + strlen(many->end) + n * room + 1);
        Ready *ready = NULL;

        assert_non_null(line);
        char *to = stpcpy(line, many->begin);
        for (size_t i = 0; i < n; i++)
                to += sprintf(to, "%s%s%zu%s", i ? "," : "", many->before, i, many->behind);
        (void) stpcpy(to, many->end);
        int r = ready_parse(line, strlen(line), &ready, why, size);
        ready_free(ready);
        free(line);
        return r;
}

#define BEGIN "{\"ready\":1,\"models\":["

static void test_limits(void **state) {
        static const Many models = {BEGIN, "{\"model\":\"A.M", "\"}", "]}"};
        static const Many params = {BEGIN "{\"model\":\"A.B\",\"parameters\":[", "{\"name\":\"p",
                                    "\",\"type\":\"bool\"}", "]}]}"};
        static const Many choices = {BEGIN "{\"model\":\"A.B\",\"parameters\":[{\"name\":\"x\","
                                           "\"type\":\"select\",\"choices\":[",
                                     "\"c", "\"", "]}]}]}"};
        char why[300];

        (void) state;
        assert_int_equal(parse_many(&models, READY_MODELS_MAX, why, sizeof(why)), 0);
        assert_int_equal(parse_many(&models, READY_MODELS_MAX + 1, why, sizeof(why)),
                         READY_E_MALFORMED);
        assert_string_equal(why, "more than 10000 models");
        assert_int_equal(parse_many(&params, READY_PARAMS_MAX, why, sizeof(why)), 0);
        assert_int_equal(parse_many(&params, READY_PARAMS_MAX + 1, why, sizeof(why)),
                         READY_E_MALFORMED);
        assert_string_equal(why, "model 1: more than 1000 parameters");
        assert_int_equal(parse_many(&choices, READY_CHOICES_MAX, why, sizeof(why)), 0);
        assert_int_equal(parse_many(&choices, READY_CHOICES_MAX + 1, why, sizeof(why)),
                         READY_E_MALFORMED);
        assert_non_null(strstr(why, "more choices than a parameter can have"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_failed),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
