/* The first line of a resident program. */
#include "exec/exec_model.h"
#include "exec/ready.h"
#include "fuzz.h"
#include "util/text.h"

static void check_text(const char *text) {
        FUZZ_CHECK(!text || text_is_utf8(text, strlen(text)));
}

static void check_param(const struct rj_param_desc *param) {
        FUZZ_CHECK(*param->name && param->type >= RJ_PARAM_BOOL && param->type <= RJ_PARAM_FK);
        FUZZ_CHECK(!(param->flags & ~(RJ_PARAM_REQUIRED | RJ_PARAM_SECRET)));
        FUZZ_CHECK((param->choices != NULL) == (param->type == RJ_PARAM_SELECT));
        FUZZ_CHECK(!param->table || param->type == RJ_PARAM_FK);
        check_text(param->name);
        check_text(param->help);
        for (size_t i = 0; param->choices && param->choices[i]; i++)
                check_text(param->choices[i]);
}

static void check_ready(const Ready *ready) {
        FUZZ_CHECK(ready->n_models <= READY_MODELS_MAX);
        for (size_t i = 0; i < ready->n_models; i++) {
                const ReadyModel *model = &ready->models[i];
                FUZZ_CHECK(exec_model_is_name(model->name));
                FUZZ_CHECK(ready_find(ready, model->name) == model);
                for (size_t k = 0; model->params && model->params[k].name; k++)
                        check_param(&model->params[k]);
        }
        FUZZ_CHECK(!ready_find(ready, "no model"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Ready *ready = NULL;
        char why[300] = "";
        int r = ready_parse((const char *) data, size, &ready, why, sizeof(why));

        FUZZ_CHECK(r == 0 || r == READY_E_MALFORMED);
        FUZZ_CHECK((r == 0) == (ready != NULL) && (r == 0 || *why));
        if (ready)
                check_ready(ready);
        ready_free(ready);
        return 0;
}
