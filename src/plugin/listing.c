#include "plugin/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_text.h"
#include "util/error.h"
#include "util/macro.h"
#include "util/text.h"

static const char *const types[] = {
        [RJ_PARAM_BOOL] = "bool",     [RJ_PARAM_INT] = "integer", [RJ_PARAM_SELECT] = "select",
        [RJ_PARAM_STRING] = "string", [RJ_PARAM_FK] = "fk",
};

char *listing_type(const struct rj_param_desc *param) {
        char *text = NULL;
        size_t size;
        FILE *to = open_memstream(&text, &size);

        if (!to)
                return NULL;
        (void) fputs(types[param->type], to); /* checked when the plugin was loaded */
        for (size_t i = 0; param->type == RJ_PARAM_SELECT && param->choices[i]; i++)
                (void) fprintf(to, "%c%s", i ? ',' : '(', param->choices[i]);
        (void) fputs(param->type == RJ_PARAM_SELECT ? ")" : "", to);
        return fclose(to) ? NULL : text;
}

/* A plugin's text for people, whatever bytes are in it; NULL without one. */
static json_t *words_json(const char *words) {
        char text[1024];

        if (!words)
                return NULL;
        (void) text_copy_utf8(text, sizeof(text), 0, words);
        return json_string(text);
}

static json_t *choices_json(const struct rj_param_desc *p) {
        json_t *all = p->type == RJ_PARAM_SELECT ? json_array() : NULL;

        for (size_t i = 0; all && p->choices[i]; i++)
                (void) json_array_append_new(all, words_json(p->choices[i]));
        return all;
}

static json_t *param_json(const struct rj_param_desc *p) {
        _cleanup_(freep) char *type = listing_type(p);

        if (!type)
                return NULL;
        return json_pack("{ss so sb sb so* so* so*}", "name", p->name, "type", words_json(type),
                         "required", (int) (p->flags & RJ_PARAM_REQUIRED) != 0, "secret",
                         (int) (p->flags & RJ_PARAM_SECRET) != 0, "choices", choices_json(p),
                         "table", words_json(p->table), "help", words_json(p->help));
}

static json_t *params_json(const CatalogEntry *entry) {
        json_t *all = json_array();

        for (const struct rj_param_desc *p = entry->model.params; p && p->name; p++)
                if (json_array_append_new(all, param_json(p))) {
                        json_decref(all);
                        return NULL;
                }
        return all;
}

json_t *listing_model(const CatalogEntry *entry) {
        const ExecModel *program = catalog_program(entry);
        int is_told = program && exec_model_is_told(program);

        return json_pack("{ss so* so* sb sb so}", "model", entry->name, "source",
                         words_json(entry->source), "summary", words_json(entry->model.summary),
                         "any_parameters", (int) (entry->model.flags & RJ_MODEL_ANY_PARAMETERS),
                         "told", is_told, "parameters", params_json(entry));
}

json_t *listing_new(const Catalog *catalog) {
        json_t *all = json_array();

        for (size_t i = 0; i < catalog_count(catalog); i++) {
                const CatalogEntry *entry = catalog_at(catalog, i);
                if (!catalog_missing(entry) && json_array_append_new(all, listing_model(entry))) {
                        json_decref(all);
                        return NULL;
                }
        }
        return all;
}

static const char *text_of(const json_t *object, const char *name) {
        return json_string_value(json_object_get(object, name));
}

/* As jobd.model_name() takes it as well. */
const char *listing_name(const json_t *model) {
        const char *name = text_of(model, "model");

        return name && exec_model_is_name(name) ? name : NULL;
}

json_t *listing_find(const json_t *listing, const char *name) {
        for (size_t i = 0; i < json_array_size(listing); i++) {
                json_t *model = json_array_get(listing, i);
                const char *found = listing_name(model);
                if (found && !strcmp(found, name))
                        return model;
        }
        return NULL;
}

static int is_listing(const json_t *all) {
        if (!json_is_array(all) || json_array_size(all) > LISTING_MODELS_MAX)
                return 0;
        for (size_t i = 0; i < json_array_size(all); i++)
                if (!listing_name(json_array_get(all, i)))
                        return 0;
        return 1;
}

int listing_parse(const char *text, size_t size, json_t **ret) {
        json_t *all = size <= LISTING_BYTES_MAX ? json_loadb(text, size, 0, NULL) : NULL;

        if (all && is_listing(all)) {
                *ret = all;
                return 0;
        }
        json_decref(all);
        return LISTING_E_INVALID;
}

int listing_add_quarantine(json_t *listing, const LimitTable *limits) {
        for (size_t i = 0; i < json_array_size(listing); i++) {
                json_t *model = json_array_get(listing, i);
                Quarantine of_model = limit_quarantine(limits, listing_name(model));

                if (!of_model.failures && !of_model.holds_on_failure)
                        continue;
                json_t *said = json_copy(model);
                if (of_model.failures)
                        (void) json_object_set_new(said, "failures",
                                                   json_integer(of_model.failures));
                if (of_model.holds_on_failure)
                        (void) json_object_set_new(said, "on_failure", json_string("hold"));
                if (json_array_set_new(listing, i, said))
                        return error_origin(-ENOMEM);
        }
        return 0;
}

char *listing_text(const json_t *listing, int takes_any) {
        json_t *all = json_copy((json_t *) listing);
        char *text = NULL;

        if (all &&
            (!takes_any || !json_array_append_new(all, json_pack("{ss}", "model", LISTING_ANY))))
                text = json_text(all, JSON_COMPACT | JSON_ENSURE_ASCII);
        json_decref(all);
        return text;
}

/* ---- reading one ---- */

/* "select(Groups,People)" begins with its type; 0 for none. */
static uint32_t type_of(const char *text) {
        size_t n = text ? strcspn(text, "(") : 0;

        for (uint32_t i = 0; n && i < ARRAY_SIZE(types); i++)
                if (types[i] && strlen(types[i]) == n && !strncmp(types[i], text, n))
                        return i;
        return 0;
}

/* A new array that ends with NULL; NULL without memory, or when one of them is no text. */
static const char **choices_of(const json_t *list) {
        size_t n = json_array_size(list);
        const char **choices = calloc(n + 1, sizeof(*choices));

        for (size_t i = 0; choices && i < n; i++) {
                choices[i] = json_string_value(json_array_get(list, i));
                if (!choices[i]) {
                        free(choices);
                        return NULL;
                }
        }
        return choices;
}

static int read_param(const json_t *object, struct rj_param_desc *ret) {
        const char *name = text_of(object, "name");

        *ret = (struct rj_param_desc){
                .name = name,
                .type = type_of(text_of(object, "type")),
                .flags = (json_is_true(json_object_get(object, "required")) ? RJ_PARAM_REQUIRED
                                                                            : 0) |
                         (json_is_true(json_object_get(object, "secret")) ? RJ_PARAM_SECRET : 0),
                .table = text_of(object, "table"),
                .help = text_of(object, "help")};
        if (!name || !abi_is_name(name, strlen(name)) || !ret->type)
                return LISTING_E_INVALID;
        if (ret->type != RJ_PARAM_SELECT)
                return 0;
        ret->choices = choices_of(json_object_get(object, "choices"));
        return ret->choices && *ret->choices ? 0 : LISTING_E_INVALID;
}

static int read_params(const json_t *list, const struct rj_param_desc **ret) {
        size_t n = json_array_size(list);
        struct rj_param_desc *params = calloc(n + 1, sizeof(*params));

        *ret = params;
        for (size_t i = 0; params && i < n; i++) {
                int r = read_param(json_array_get(list, i), &params[i]);
                if (r)
                        return r;
        }
        return params ? 0 : -ENOMEM;
}

ListedModel *listed_model_free(ListedModel *model) {
        if (model) {
                struct rj_param_desc *params = (struct rj_param_desc *) model->entry.model.params;
                for (size_t i = 0; params && params[i].name; i++)
                        free((void *) params[i].choices);
                free(params);
                json_decref(model->json);
                free(model);
        }
        return NULL;
}

int listed_model_new(json_t *object, ListedModel **ret) {
        _cleanup_(listed_model_freep) ListedModel *model = calloc(1, sizeof(*model));

        if (!model)
                return -ENOMEM;
        model->json = json_incref(object);
        const char *name = listing_name(model->json);
        if (!name)
                return LISTING_E_INVALID;
        (void) snprintf(model->entry.name, sizeof(model->entry.name), "%s", name);
        model->entry.source = text_of(model->json, "source");
        model->is_told = json_is_true(json_object_get(model->json, "told"));
        model->entry.model = (struct rj_model){
                .name = strchr(name, '.') + 1,
                .summary = text_of(model->json, "summary"),
                .flags = json_is_true(json_object_get(model->json, "any_parameters"))
                                 ? RJ_MODEL_ANY_PARAMETERS
                                 : 0};
        int r = read_params(json_object_get(model->json, "parameters"), &model->entry.model.params);
        if (!r)
                *ret = TAKE_PTR(model);
        return r;
}

int listed_model_parse(const char *text, ListedModel **ret) {
        json_auto_t *object = json_loads(text, 0, NULL);

        return listed_model_new(object, ret);
}
