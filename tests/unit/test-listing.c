/* Descriptions of models, as they come from a child that has loaded plugins, or out of the
 * database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/listing.h"
#include "util/macro.h"

static const char whole[] =
        "{\"model\": \"Test.Quick\", \"source\": \"1.0\", \"summary\": \"is quick\","
        " \"any_parameters\": false, \"parameters\": ["
        "{\"name\": \"kind\", \"type\": \"select(a,b)\", \"required\": true, \"secret\": false,"
        " \"choices\": [\"a\", \"b\"], \"help\": \"which\"},"
        "{\"name\": \"group_id\", \"type\": \"fk\", \"required\": false, \"secret\": true,"
        " \"table\": \"groups\"}]}";

static void test_one(void **state) {
        _cleanup_(listed_model_freep) ListedModel *listed = NULL;

        (void) state;
        assert_int_equal(listed_model_parse(whole, &listed), 0);
        const struct rj_model *model = &listed->entry.model;
        const struct rj_param_desc *params = model->params;
        assert_string_equal(listed->entry.name, "Test.Quick");
        assert_string_equal(listed->entry.source, "1.0");
        assert_string_equal(model->name, "Quick");
        assert_string_equal(model->summary, "is quick");
        assert_int_equal(model->flags, 0);
        assert_string_equal(params[0].name, "kind");
        assert_int_equal(params[0].type, RJ_PARAM_SELECT);
        assert_int_equal(params[0].flags, RJ_PARAM_REQUIRED);
        assert_string_equal(params[0].choices[1], "b");
        assert_null(params[0].choices[2]);
        assert_string_equal(params[0].help, "which");
        assert_int_equal(params[1].type, RJ_PARAM_FK);
        assert_int_equal(params[1].flags, RJ_PARAM_SECRET);
        assert_string_equal(params[1].table, "groups");
        assert_null(params[2].name);
}

static void test_bare(void **state) {
        _cleanup_(listed_model_freep) ListedModel *listed = NULL;

        (void) state;
        assert_int_equal(
                listed_model_parse("{\"model\": \"A.B\", \"any_parameters\": true}", &listed), 0);
        assert_int_equal(listed->entry.model.flags, RJ_MODEL_ANY_PARAMETERS);
        assert_null(listed->entry.model.params[0].name);
}

static void test_none(void **state) {
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "7",
                "{}",
                "{\"model\": null}",
                "{\"model\": \"*\"}",
                "{\"model\": \"A\"}",
                "{\"model\": \"A.\"}",
                "{\"model\": \"../a.b\"}",
                "{\"model\": \"A.B.C\"}",
                "{\"model\": \"A.B\", \"parameters\": [7]}",
                "{\"model\": \"A.B\", \"parameters\": [{\"name\": \"x\"}]}",
                "{\"model\": \"A.B\", \"parameters\": [{\"name\": \"x\", \"type\": \"float\"}]}",
                "{\"model\": \"A.B\", \"parameters\": [{\"name\": \"x y\", \"type\": \"bool\"}]}",
                "{\"model\": \"A.B\", \"parameters\": [{\"name\": \"x\", \"type\": \"select\"}]}",
                ("{\"model\": \"A.B\", \"parameters\": [{\"name\": \"x\","
                 " \"type\": \"select(a)\", \"choices\": [\"a\", 7]}]}"),
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                ListedModel *listed = NULL;
                assert_int_equal(listed_model_parse(texts[i], &listed), LISTING_E_INVALID);
                assert_null(listed);
        }
}

static void test_listing(void **state) {
        static const char *const texts[] = {"",
                                            "{}",
                                            "[7]",
                                            "[{}]",
                                            "[{\"model\": \"*\"}]",
                                            "[{\"model\": \"A.B\"}, {\"model\": \"a/b.c\"}]"};
        static const char right[] = "[{\"model\": \"A.B\"}]";
        json_t *listing = NULL;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_int_equal(listing_parse(texts[i], strlen(texts[i]), &listing),
                                 LISTING_E_INVALID);
        assert_int_equal(listing_parse(right, LISTING_BYTES_MAX + 1, &listing), LISTING_E_INVALID);
        assert_int_equal(listing_parse(right, strlen(right), &listing), 0);
        _cleanup_(freep) char *waits = listing_text(listing, 0), *fails = listing_text(listing, 1);
        assert_string_equal(waits, "[{\"model\":\"A.B\"}]");
        assert_string_equal(fails, "[{\"model\":\"A.B\"},{\"model\":\"*\"}]");
        json_decref(listing);
}

static size_t n_allocations, failing;

static void *fail_once(size_t size) {
        return ++n_allocations == failing ? NULL : malloc(size);
}

/* The whole text, or none, whichever allocation fails. */
static void test_without_memory(void **state) {
        static const char text[] = "[{\"model\":\"A.B\",\"parameters\":[{\"name\":\"x\","
                                   "\"choices\":[\"a\",\"b\"]}]},{\"model\":\"C.D\"}]";
        json_t *listing = NULL;

        (void) state;
        assert_int_equal(listing_parse(text, strlen(text), &listing), 0);
        json_set_alloc_funcs(fail_once, free);
        for (failing = 1; failing <= 200; failing++) {
                n_allocations = 0;
                _cleanup_(freep) char *written = listing_text(listing, 0);
                if (written)
                        assert_string_equal(written, text);
                else
                        assert_true(n_allocations >= failing);
        }
        assert_true(n_allocations < failing); /* all of them have failed once */
        json_decref(listing);
        json_set_alloc_funcs(malloc, free);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one),
                cmocka_unit_test(test_bare),
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_listing),
                cmocka_unit_test(test_without_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
