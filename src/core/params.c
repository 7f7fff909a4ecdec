/*
 * Stored parameters come from PHP code, from registry-job and from people with SQL consoles. "17"
 * and 17 both mean 17. The column can hold any text, so every text must end in parameters or in
 * problems. A message never repeats the value of a secret parameter.
 */
#include "core/params.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/json_text.h"
#include "core/near.h"
#include "core/plural.h"
#include "core/secret.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

typedef struct Param {
        int given;
        int64_t integer; /* _INT, _BOOL */
        char *string;    /* _STRING, _SELECT */
        int32_t *ids;    /* _FK */
        size_t n_ids;
} Param;

struct Params {
        const struct rj_model *model;
        size_t n;
        Param *values; /* in the order of the model's table */
        char *json;
};

static size_t count_params(const struct rj_model *model) {
        size_t n = 0;
        while (model->params && model->params[n].name)
                n++;
        return n;
}

Params *params_free(Params *params) {
        if (params) {
                for (size_t i = 0; params->values && i < params->n; i++) {
                        free(params->values[i].string);
                        free(params->values[i].ids);
                }
                free(params->values);
                free(params->json);
                free(params);
        }
        return NULL;
}

/* A string or a number as text; NULL for any other value. */
static const char *as_text(const json_t *value, char buffer[64]) {
        if (json_is_string(value))
                return json_string_value(value);
        if (json_is_integer(value))
                (void) snprintf(buffer, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_real(value))
                (void) snprintf(buffer, 64, "%.17g", json_real_value(value));
        else
                return NULL;
        return buffer;
}

static const char *type_words(uint32_t type) {
        static const char *const words[] = {
                [RJ_PARAM_BOOL] = "a boolean (0, 1, true or false)",
                [RJ_PARAM_INT] = "an integer",
                [RJ_PARAM_SELECT] = "one of the choices",
                [RJ_PARAM_STRING] = "a string",
                [RJ_PARAM_FK] = "an id, or several separated by commas",
        };
        return type < ARRAY_SIZE(words) && words[type] ? words[type] : "of an unknown type";
}

static void add_problem_of_value(Problems *problems, const struct rj_param_desc *desc,
                                 const char *text) {
        if (text && !(desc->flags & RJ_PARAM_SECRET))
                problems_add(problems, "parameter '%s' must be %s, not '%.80s'", desc->name,
                             type_words(desc->type), text);
        else
                problems_add(problems, "parameter '%s' must be %s", desc->name,
                             type_words(desc->type));
}

static int set_bool(Param *param, const json_t *value, const char *text) {
        int number = json_is_true(value);

        if (!json_is_boolean(value) &&
            (!text || strlen(text) > 5 || strspn(text, "01truefals") != strlen(text) ||
             parse_bool(text, &number)))
                return PARAMS_E_INVALID;
        param->integer = number;
        return 0;
}

static int set_choice(Param *param, const struct rj_param_desc *desc, const char *text,
                      Problems *problems) {
        const char *shown = text && !(desc->flags & RJ_PARAM_SECRET) ? text : "?";
        char choices[256] = "";
        int is_cut = 0;

        for (const char *const *choice = desc->choices; choice && *choice; choice++) {
                if (text && !strcmp(text, *choice)) {
                        param->string = strdup(text);
                        return param->string ? 0 : error_origin(-ENOMEM);
                }
                if (strlen(choices) + strlen(*choice) + sizeof(", ") > sizeof(choices))
                        is_cut = 1;
                else
                        (void) text_append(choices, sizeof(choices), "%s%s", *choices ? ", " : "",
                                           *choice);
        }
        problems_add(problems, "parameter '%s' must be one of %s%s, not '%.80s'", desc->name,
                     choices, is_cut ? " and others" : "", shown);
        return PARAMS_E_INVALID;
}

/* "3", "3,5", " 3 , 5 " */
static int set_ids(Param *param, const char *text) {
        size_t most = 1;
        for (const char *p = text; *p; p++)
                most += *p == ',';
        if (most > PARAMS_MAX_IDS)
                return PARAMS_E_INVALID;
        param->ids = calloc(most, sizeof(*param->ids));
        if (!param->ids)
                return error_origin(-ENOMEM);

        for (const char *p = text;; p++) {
                char word[16];
                p += strspn(p, " ");
                size_t n = strcspn(p, ", ");
                (void) snprintf(word, sizeof(word), "%.*s", (int) MIN_OF(n, sizeof(word) - 1), p);
                if (n >= sizeof(word) || parse_int32(word, 1, INT32_MAX, &param->ids[param->n_ids]))
                        return PARAMS_E_INVALID;
                param->n_ids++;
                p += n;
                p += strspn(p, " ");
                if (!*p)
                        return 0;
                if (*p != ',')
                        return PARAMS_E_INVALID;
        }
}

static int set_value(Param *param, const struct rj_param_desc *desc, const json_t *value,
                     Problems *problems) {
        char buffer[64];
        const char *text = as_text(value, buffer);
        int r = PARAMS_E_INVALID;

        switch (desc->type) {
        case RJ_PARAM_BOOL:
                r = set_bool(param, value, text);
                break;
        case RJ_PARAM_INT:
                r = text ? parse_int64(text, INT64_MIN, INT64_MAX, &param->integer)
                         : PARAMS_E_INVALID;
                break;
        case RJ_PARAM_SELECT:
                r = set_choice(param, desc, text, problems);
                if (r > 0)
                        return 0; /* set_choice() has added the problem */
                break;
        case RJ_PARAM_STRING:
                if (text) {
                        param->string = strdup(text);
                        r = param->string ? 0 : error_origin(-ENOMEM);
                }
                break;
        case RJ_PARAM_FK:
                r = text ? set_ids(param, text) : PARAMS_E_INVALID;
                break;
        }
        if (r > 0)
                add_problem_of_value(problems, desc, text);
        param->given = 1;
        return r < 0 ? r : 0;
}

static int is_declared(const Params *params, const char *name) {
        for (size_t i = 0; i < params->n; i++)
                if (!strcmp(params->model->params[i].name, name))
                        return 1;
        return 0;
}

/* The words of the parser repeat a piece of the text. */
static void add_problem_of_text(Problems *problems, const json_error_t *error, int may_be_secret) {
        char words[160] = "";

        if (!may_be_secret)
                (void) text_copy_utf8(words, sizeof(words), 0, error->text);
        problems_add(problems, "parameters are not JSON: %s%sat line %d column %d", words,
                     *words ? " " : "an error ", error->line, error->column);
}

/* Returns the object of the text, NULL without memory or with a problem added. */
static json_t *parse_object(const char *json, const struct rj_model *model, Problems *problems) {
        if (!json || !*json || !strcmp(json, "[]"))
                return json_object();
        if (strlen(json) > PARAMS_MAX_BYTES) {
                problems_add(problems, "parameters are longer than %d bytes", PARAMS_MAX_BYTES);
                return NULL;
        }

        json_error_t error;
        json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
        if (!object) {
                add_problem_of_text(problems, &error, secret_is_possible(model));
                return NULL;
        }
        if (json_is_object(object))
                return object;
        if (!json_is_array(object) || json_array_size(object)) {
                problems_add(problems, "parameters are not a JSON object");
                json_decref(object);
                return NULL;
        }
        json_decref(object);
        return json_object();
}

static int check_declared(Params *params, const json_t *object, Problems *problems) {
        for (size_t i = 0; i < params->n; i++) {
                const struct rj_param_desc *desc = &params->model->params[i];
                const json_t *value = json_object_get(object, desc->name);
                if (value && !json_is_null(value)) {
                        int r = set_value(&params->values[i], desc, value, problems);
                        if (r < 0)
                                return r;
                } else if (desc->flags & RJ_PARAM_REQUIRED) {
                        problems_add(problems, "parameter '%s' is required", desc->name);
                }
        }
        return 0;
}

static void check_unknown(const Params *params, json_t *object, Problems *problems) {
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value) {
                if (is_declared(params, name))
                        continue;
                Near near = {.word = name};
                for (size_t i = 0; i < params->n; i++)
                        near_offer(&near, params->model->params[i].name);
                problems_add(problems, "parameter '%.80s' is not known to %s%s%s%s", name,
                             params->model->name, near.best ? "; did you mean '" : "",
                             near.best ? near.best : "", near.best ? "'?" : "");
        }
}

int params_new(const char *json, const struct rj_model *model, Params **ret, Problems *problems) {
        size_t before = problems->count;
        json_t *object = parse_object(json, model, problems);
        if (!object)
                return problems->count > before ? PARAMS_E_INVALID : error_origin(-ENOMEM);

        _cleanup_(params_freep) Params *params = calloc(1, sizeof(*params));
        int r = params ? 0 : -ENOMEM;
        if (params) {
                params->model = model;
                params->n = count_params(model);
                params->values = calloc(params->n + 1, sizeof(*params->values));
                params->json = json_text(object, JSON_COMPACT);
                r = params->values && params->json ? check_declared(params, object, problems)
                                                   : -ENOMEM;
        }
        if (!r && !(model->flags & RJ_MODEL_ANY_PARAMETERS))
                check_unknown(params, object, problems);
        json_decref(object);
        if (r < 0)
                return error_origin(r);
        if (problems->count > before)
                return PARAMS_E_INVALID;
        *ret = TAKE_PTR(params);
        return 0;
}

const char *params_json(const Params *params) {
        return params->json;
}

int params_find(const Params *params, const char *name, uint32_t types) {
        for (size_t i = 0; i < params->n; i++) {
                const struct rj_param_desc *desc = &params->model->params[i];
                if (!strcmp(desc->name, name))
                        return types & (1u << desc->type) ? (int) i : -1;
        }
        return -1;
}

int params_given(const Params *params, int index) {
        return params->values[index].given;
}

int64_t params_integer(const Params *params, int index) {
        return params->values[index].integer;
}

const char *params_string(const Params *params, int index) {
        return params->values[index].string;
}

size_t params_ids(const Params *params, int index, const int32_t **ret) {
        *ret = params->values[index].ids;
        return params->values[index].n_ids;
}

int params_foreign(const Params *params, int from, char *table, size_t size) {
        for (size_t i = (size_t) from; i < params->n; i++) {
                const struct rj_param_desc *desc = &params->model->params[i];
                if (desc->type != RJ_PARAM_FK || !params->values[i].n_ids)
                        continue;
                if (desc->table)
                        (void) text_copy_utf8(table, size, 63, desc->table);
                else
                        plural_table(desc->name, table, size);
                return (int) i;
        }
        return -1;
}

/* A word without a name may be a secret value whose "name=" was forgotten. */
static void add_problem_of_word(Problems *problems, const char *word, size_t number,
                                const struct rj_model *model) {
        if (secret_is_possible(model))
                problems_add(problems, "word %zu is not of the form name=value", number);
        else
                problems_add(problems, "'%.80s' is not of the form name=value", word);
}

/* The text that is stored for a parameter. */
static const char *text_to_store(const struct rj_model *model, const char *name, const char *text) {
        Param value = {0};

        for (const struct rj_param_desc *p = model->params; p && p->name; p++)
                if (p->type == RJ_PARAM_BOOL && !strcmp(p->name, name) &&
                    !set_bool(&value, NULL, text))
                        return value.integer ? "1" : "0";
        return text;
}

int params_from_words(char *const words[], size_t n, const struct rj_model *model, char **ret,
                      Problems *problems) {
        size_t before = problems->count;
        json_t *object = json_object();

        for (size_t i = 0; object && i < n; i++) {
                const char *equals = strchr(words[i], '=');
                char name[128];
                if (!equals || equals == words[i] || (size_t) (equals - words[i]) >= sizeof(name)) {
                        add_problem_of_word(problems, words[i], i + 1, model);
                        continue;
                }
                (void) snprintf(name, sizeof(name), "%.*s", (int) (equals - words[i]), words[i]);
                if (json_object_get(object, name))
                        problems_add(problems, "parameter '%s' is given twice", name);
                else if (!text_is_utf8(words[i], strlen(words[i])))
                        problems_add(problems, "parameter '%s' is not UTF-8", name);
                else if (json_object_set_new(object, name,
                                             json_string(text_to_store(model, name, equals + 1))) <
                         0)
                        problems_add(problems, "parameter '%s' could not be stored", name);
        }

        /* As PHP encodes: an empty array, and \/ and \uXXXX. */
        char *text =
                object && json_object_size(object)
                        ? json_text(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH)
                        : strdup("[]");
        json_decref(object);
        if (!object || !text) {
                free(text);
                return error_origin(-ENOMEM);
        }
        if (problems->count > before) {
                free(text);
                return PARAMS_E_INVALID;
        }
        *ret = text;
        return 0;
}
