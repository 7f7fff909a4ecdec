/*
 * A plugin's structs are as large as its own header made them: older ones are shorter, newer ones
 * longer. Arrays are walked with the plugin's stride, and nothing behind its size is read.
 */
#include "plugin/abi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/macro.h"

#define MODELS_MAX 1000 /* more is a table without an end */

/* The sizes of version 1.0, which no plugin can be below. */
#define PLUGIN_SIZE_1_0 (offsetof(struct rj_plugin, models) + sizeof(void *))
#define MODEL_SIZE_1_0 (offsetof(struct rj_model, reserved) + sizeof(uint32_t))
#define PARAM_SIZE_1_0 (offsetof(struct rj_param_desc, help) + sizeof(void *))
#define RECORD_SIZE_1_0 (offsetof(struct rj_record, external_identity_id) + sizeof(int32_t))

void abi_copy(void *to, size_t to_size, const void *from, size_t from_size) {
        size_t size = MIN_OF(to_size, from_size);

        memcpy(to, from, size);
        memset((char *) to + size, 0, to_size - size);
}

int abi_copy_record(const struct rj_record *from, struct rj_record *ret) {
        if (!from || from->struct_size < RECORD_SIZE_1_0)
                return ABI_E_INVALID;
        abi_copy(ret, sizeof(*ret), from, from->struct_size);
        return 0;
}

int abi_is_name(const char *name, size_t length) {
        if (!length || !isalpha((unsigned char) name[0]))
                return 0;
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char) name[i]) && name[i] != '_')
                        return 0;
        return 1;
}

const struct rj_model *abi_model(const struct rj_plugin *desc, size_t i) {
        const struct rj_model *model =
                (const void *) ((const char *) desc->models + i * desc->model_size);
        return model->name ? model : NULL;
}

const struct rj_param_desc *abi_param(const struct rj_plugin *desc, const struct rj_model *model,
                                      size_t i) {
        if (!model->params)
                return NULL;
        const struct rj_param_desc *param =
                (const void *) ((const char *) model->params + i * desc->param_size);
        return param->name ? param : NULL;
}

static int check_numbers(const struct rj_plugin *desc, char *why, size_t size) {
        if (desc->struct_size < offsetof(struct rj_plugin, model_size)) {
                (void) snprintf(why, size, "its description is %u bytes long, which no version is",
                                desc->struct_size);
                return ABI_E_MISMATCH;
        }
        if (desc->abi_major != RJ_ABI_MAJOR) {
                (void) snprintf(why, size, "built for plugin API %u, this program speaks %u",
                                desc->abi_major, RJ_ABI_MAJOR);
                return ABI_E_MISMATCH;
        }
        if (desc->abi_minor > RJ_ABI_MINOR) {
                (void) snprintf(why, size, "built for plugin API %u.%u, this program speaks %u.%u",
                                desc->abi_major, desc->abi_minor, RJ_ABI_MAJOR, RJ_ABI_MINOR);
                return ABI_E_MISMATCH;
        }
        if (desc->struct_size < PLUGIN_SIZE_1_0 || desc->model_size < MODEL_SIZE_1_0 ||
            desc->param_size < PARAM_SIZE_1_0) {
                (void) snprintf(why, size,
                                "its structs (%u, %u, %u bytes) are shorter than API "
                                "%u.%u has them",
                                desc->struct_size, desc->model_size, desc->param_size,
                                desc->abi_major, desc->abi_minor);
                return ABI_E_MISMATCH;
        }
        return 0;
}

static int check_param(const struct rj_model *model, const struct rj_param_desc *param, char *why,
                       size_t size) {
        const char *problem = NULL;

        if (!abi_is_name(param->name, strlen(param->name)))
                problem = "has no valid name";
        else if (param->type < RJ_PARAM_BOOL || param->type > RJ_PARAM_FK)
                problem = "is of an unknown type";
        else if (param->type == RJ_PARAM_SELECT && (!param->choices || !*param->choices))
                problem = "has no choices";
        if (!problem)
                return 0;
        (void) snprintf(why, size, "parameter '%.80s' of model '%.80s' %s", param->name,
                        model->name, problem);
        return ABI_E_INVALID;
}

static int check_model(const struct rj_plugin *desc, const struct rj_model *model, char *why,
                       size_t size) {
        if (!abi_is_name(model->name, strlen(model->name)) || !model->run) {
                (void) snprintf(why, size, "model '%.80s' has no valid name or no run function",
                                model->name);
                return ABI_E_INVALID;
        }
        const struct rj_param_desc *param;
        for (size_t i = 0; (param = abi_param(desc, model, i)); i++) {
                int r = check_param(model, param, why, size);
                if (r)
                        return r;
        }
        return 0;
}

int abi_check(const struct rj_plugin *desc, const char *name, char *why, size_t size) {
        int r = check_numbers(desc, why, size);
        if (r)
                return r;
        if (!desc->name || strcmp(desc->name, name)) {
                (void) snprintf(why, size, "it calls itself '%.80s'",
                                desc->name ? desc->name : "(nothing)");
                return ABI_E_INVALID;
        }
        if (!desc->models || !abi_model(desc, 0)) {
                (void) snprintf(why, size, "it has no models");
                return ABI_E_INVALID;
        }
        const struct rj_model *model;
        for (size_t i = 0; (model = abi_model(desc, i)); i++) {
                if (i == MODELS_MAX) {
                        (void) snprintf(why, size, "it has more than %d models", MODELS_MAX);
                        return ABI_E_INVALID;
                }
                r = check_model(desc, model, why, size);
                if (r)
                        return r;
        }
        return 0;
}
