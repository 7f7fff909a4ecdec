/* Stored parameters, against a model with every type. */
#include "core/params.h"
#include "fuzz.h"
#include "util/text.h"

static const char *const kinds[] = {"full", "delta", NULL};
static const struct rj_param_desc table[] = {
        {.name = "flag", .type = RJ_PARAM_BOOL},
        {.name = "count", .type = RJ_PARAM_INT},
        {.name = "kind", .type = RJ_PARAM_SELECT, .choices = kinds},
        {.name = "text", .type = RJ_PARAM_STRING},
        {.name = "group_id", .type = RJ_PARAM_FK},
        {.name = "target", .type = RJ_PARAM_FK, .table = "provisioning_targets"},
        {.name = "pin", .type = RJ_PARAM_INT, .flags = RJ_PARAM_SECRET},
        {0},
};
static const struct rj_model strict = {.name = "Strict", .params = table};
static const struct rj_model any = {
        .name = "Any", .params = table, .flags = RJ_MODEL_ANY_PARAMETERS};

static void check_values(const Params *params) {
        char name[64];
        const int32_t *ids;

        FUZZ_CHECK(text_is_utf8(params_json(params), strlen(params_json(params))));
        FUZZ_CHECK(params_integer(params, 0) == 0 || params_integer(params, 0) == 1);
        if (params_given(params, 2))
                FUZZ_CHECK(!strcmp(params_string(params, 2), "full") ||
                           !strcmp(params_string(params, 2), "delta"));
        if (params_given(params, 3))
                FUZZ_CHECK(
                        text_is_utf8(params_string(params, 3), strlen(params_string(params, 3))));
        for (int i = 4; i <= 5; i++) {
                size_t n = params_ids(params, i, &ids);
                FUZZ_CHECK(n <= PARAMS_MAX_IDS && params_given(params, i) == (n > 0));
                for (size_t k = 0; k < n; k++)
                        FUZZ_CHECK(ids[k] > 0);
        }
        for (int i = 0; (i = params_foreign(params, i, name, sizeof(name))) >= 0; i++)
                FUZZ_CHECK(*name);
}

/* What is taken can be written out and is taken again, to the same text. */
static void check(const char *json, const struct rj_model *model) {
        Problems problems = {0}, again_problems = {0};
        Params *params = NULL, *again = NULL;
        char line[256];

        int r = params_new(json, model, &params, &problems);
        FUZZ_CHECK(r == 0 || r == PARAMS_E_INVALID);
        FUZZ_CHECK((params != NULL) == (r == 0) && (problems.count > 0) == (r != 0));
        problems_join(&problems, line, sizeof(line));
        if (!r) {
                check_values(params);
                FUZZ_CHECK(!params_new(params_json(params), model, &again, &again_problems));
                FUZZ_CHECK(!strcmp(params_json(params), params_json(again)));
        }
        params_free(again);
        params_free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *json = fuzz_string(data, size);
        check(json, &strict);
        check(json, &any);
        free(json);
        return 0;
}
