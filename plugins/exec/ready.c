/*
 * What a program tells about itself is checked as strictly as a configuration file: jobs are
 * checked against it later, when nobody looks. Anything wrong refuses all of it.
 */
#include "exec/ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exec/exec_model.h"
#include "exec/members.h"
#include "exec/param_spec.h"
#include "util/error.h"
#include "util/text.h"

#define PARAM_NAME_BYTES 64 /* as in a section */

typedef struct ReadyText {
        int64_t version;      /* -1: none */
        const char *failed;   /* NULL: none */
        const json_t *models; /* NULL: none */
} ReadyText;

typedef struct ModelText {
        const char *name;
        const json_t *parameters; /* NULL: none */
} ModelText;

typedef struct ParamText {
        const char *name, *type, *table, *help;
        const json_t *choices; /* NULL: none */
        int is_required, is_secret;
} ParamText;

static int read_version(const json_t *value, void *field) {
        *(int64_t *) field = json_integer_value(value);
        return json_is_integer(value) ? 0 : MEMBERS_E_MALFORMED;
}

static const MemberKind kind_version = {"a number", read_version};

static const Member ready_members[] = {
        {.name = "ready", .kind = &kind_version, .field = offsetof(ReadyText, version)},
        {.name = "failed", .kind = &member_string, .field = offsetof(ReadyText, failed)},
        {.name = "models", .kind = &member_array, .field = offsetof(ReadyText, models)},
        {0},
};

static const Member model_members[] = {
        {.name = "model",
         .kind = &member_string,
         .field = offsetof(ModelText, name),
         .is_required = 1},
        {.name = "parameters", .kind = &member_array, .field = offsetof(ModelText, parameters)},
        {0},
};

#define PARAM(of, what, member) \
        { .name = (of), .kind = &member_##what, .field = offsetof(ParamText, member) }

static const Member param_members[] = {
        {.name = "name",
         .kind = &member_string,
         .field = offsetof(ParamText, name),
         .is_required = 1},
        {.name = "type",
         .kind = &member_string,
         .field = offsetof(ParamText, type),
         .is_required = 1},
        PARAM("required", bool, is_required),
        PARAM("secret", bool, is_secret),
        PARAM("choices", array, choices),
        PARAM("table", optional, table),
        PARAM("help", optional, help),
        {0},
};

static int refuse(char *why, size_t size, const char *words) {
        (void) snprintf(why, size, "%s", words);
        return READY_E_MALFORMED;
}

/* The members of an element, which has to be an object, of an array. */
static int read_element(json_t *value, const Member *members, void *to, char *why, size_t size) {
        if (!json_is_object(value))
                return refuse(why, size, "not an object");
        return members_read(value, members, to, why, size) ? READY_E_MALFORMED : 0;
}

static int read_choices(const json_t *array, struct rj_param_desc *desc, char *why, size_t size) {
        const json_t *value;
        size_t i;

        if (json_array_size(array) > READY_CHOICES_MAX)
                return refuse(why, size, "more choices than a parameter can have");
        const char **choices = calloc(json_array_size(array) + 1, sizeof(*choices));
        if (!choices)
                return error_origin(-ENOMEM);
        desc->choices = choices;
        json_array_foreach(array, i, value) {
                const char *choice = json_string_value(value);
                if (!choice || !*choice)
                        return refuse(why, size, "a choice must be a string that is not empty");
                for (size_t k = 0; k < i; k++)
                        if (!strcmp(choices[k], choice))
                                return refuse(why, size, "a choice is given twice");
                choices[i] = choice;
        }
        return 0;
}

/* What a type and the other members of its parameter have to do with each other. */
static const char *find_contradiction(const ParamText *text, uint32_t type) {
        if (!type)
                return "'type' must be bool, integer, string, select or fk";
        if ((type == RJ_PARAM_SELECT) != (json_array_size(text->choices) > 0))
                return "'choices' are for a select, which must have some";
        if (text->table && (type != RJ_PARAM_FK || !param_spec_is_table(text->table)))
                return "'table' is for an fk, and must be the name of a table";
        return NULL;
}

/* Into an empty row. */
static int read_param(json_t *value, struct rj_param_desc *desc, char *why, size_t size) {
        ParamText text = {0};

        int r = read_element(value, param_members, &text, why, size);
        if (r)
                return r;
        uint32_t type = param_spec_type(text.type, strlen(text.type));
        const char *wrong = !*text.name || strlen(text.name) > PARAM_NAME_BYTES
                                    ? "'name' must have from 1 to 64 bytes"
                                    : find_contradiction(&text, type);
        if (wrong)
                return refuse(why, size, wrong);
        desc->name = text.name;
        desc->type = type;
        desc->flags =
                (text.is_required ? RJ_PARAM_REQUIRED : 0) | (text.is_secret ? RJ_PARAM_SECRET : 0);
        desc->table = text.table;
        desc->help = text.help;
        return text.choices ? read_choices(text.choices, desc, why, size) : 0;
}

static int read_params(const json_t *array, ReadyModel *model, char *why, size_t size) {
        size_t n = json_array_size(array), i;
        char problem[200];
        json_t *value;

        if (n > READY_PARAMS_MAX) {
                (void) snprintf(why, size, "more than %u parameters", READY_PARAMS_MAX);
                return READY_E_MALFORMED;
        }
        model->params = calloc(n + 1, sizeof(*model->params));
        if (!model->params)
                return error_origin(-ENOMEM);
        json_array_foreach(array, i, value) {
                struct rj_param_desc *desc = &model->params[i];
                int r = read_param(value, desc, problem, sizeof(problem));
                for (size_t k = 0; !r && k < i; k++)
                        if (!strcmp(model->params[k].name, desc->name))
                                r = refuse(problem, sizeof(problem), "its name is given twice");
                if (r > 0)
                        (void) snprintf(why, size, "parameter %zu: %s", i + 1, problem);
                if (r)
                        return r;
        }
        return 0;
}

static int read_model(json_t *value, ReadyModel *model, char *why, size_t size) {
        ModelText text = {0};

        int r = read_element(value, model_members, &text, why, size);
        if (r)
                return r;
        if (!exec_model_is_name(text.name))
                return refuse(why, size, "'model' must be of the form Plugin.Model");
        model->name = text.name;
        return text.parameters ? read_params(text.parameters, model, why, size) : 0;
}

static int compare_models(const void *a, const void *b) {
        return strcmp(((const ReadyModel *) a)->name, ((const ReadyModel *) b)->name);
}

static int read_models(const json_t *array, Ready *ready, char *why, size_t size) {
        char problem[300];
        json_t *value;
        size_t i;

        if (json_array_size(array) > READY_MODELS_MAX) {
                (void) snprintf(why, size, "more than %u models", READY_MODELS_MAX);
                return READY_E_MALFORMED;
        }
        ready->models = calloc(json_array_size(array) + 1, sizeof(*ready->models));
        if (!ready->models)
                return error_origin(-ENOMEM);
        json_array_foreach(array, i, value) {
                ready->n_models++;
                int r = read_model(value, &ready->models[i], problem, sizeof(problem));
                if (r > 0)
                        (void) snprintf(why, size, "model %zu: %s", i + 1, problem);
                if (r)
                        return r;
        }
        qsort(ready->models, ready->n_models, sizeof(*ready->models), compare_models);
        for (i = 1; i < ready->n_models; i++)
                if (!compare_models(&ready->models[i - 1], &ready->models[i])) {
                        (void) snprintf(why, size, "model '%s' is named twice",
                                        ready->models[i].name);
                        return READY_E_MALFORMED;
                }
        return 0;
}

int ready_parse(const char *line, size_t length, Ready **ret, char *why, size_t size) {
        _cleanup_(ready_freep) Ready *ready = calloc(1, sizeof(*ready));
        ReadyText text = {.version = -1};

        if (!ready)
                return error_origin(-ENOMEM);
        int r = members_parse(line, length, &ready->object, why, size);
        if (!r)
                r = members_read(ready->object, ready_members, &text, why, size);
        if (r)
                return r < 0 ? r : READY_E_MALFORMED;
        if (text.failed) {
                (void) text_copy_utf8(why, size, 0, text.failed);
                return READY_E_FAILED;
        }
        if (text.version < 0)
                return refuse(why, size, "missing member 'ready'");
        if (text.version != READY_VERSION) {
                (void) snprintf(why, size, "it speaks version %lld, and this daemon version %d",
                                (long long) text.version, READY_VERSION);
                return READY_E_MALFORMED;
        }
        r = text.models ? read_models(text.models, ready, why, size) : 0;
        if (!r)
                *ret = TAKE_PTR(ready);
        return r;
}

const ReadyModel *ready_find(const Ready *ready, const char *name) {
        const ReadyModel key = {.name = name};
        return ready->n_models ? bsearch(&key, ready->models, ready->n_models,
                                         sizeof(*ready->models), compare_models)
                               : NULL;
}

Ready *ready_free(Ready *ready) {
        if (ready) {
                for (size_t i = 0; i < ready->n_models; i++) {
                        struct rj_param_desc *params = ready->models[i].params;
                        for (struct rj_param_desc *p = params; p && p->name; p++)
                                free((void *) p->choices);
                        free(params);
                }
                free(ready->models);
                json_decref(ready->object);
                free(ready);
        }
        return NULL;
}
