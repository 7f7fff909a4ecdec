#include "cli/models.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/verbs.h"
#include "util/text.h"

int models_open(const Cli *cli, Catalog **ret) {
        const Config *c = cli->config;
        char why[700] = "out of memory";

        if (!catalog_new(c->plugin_directory, (const char *const *) c->load, c->n_load, c->exec,
                         c->n_exec, ret, why, sizeof(why)))
                return CLI_OK;
        cli_say("%s", why);
        return CLI_CONFIG;
}

const CatalogEntry *models_find(const Catalog *catalog, const char *name) {
        char known[512] = "";
        const CatalogEntry *entry = catalog_find(catalog, name);

        if (entry)
                return entry;
        for (size_t i = 0; i < catalog_count(catalog); i++)
                (void) text_append(known, sizeof(known), "%s%s", i ? ", " : "",
                                   catalog_at(catalog, i)->name);
        cli_say("no plugin provides '%s'; there is %s", name, *known ? known : "none at all");
        cli_say("hint: [plugins] load and [exec ...] in the configuration say what there is");
        return NULL;
}

/* Replaces the values of secret parameters; returns how many. */
static int mask_secrets(const struct rj_model *model, json_t *object) {
        int n = 0;
        for (const struct rj_param_desc *p = model->params; p && p->name; p++)
                if (p->flags & RJ_PARAM_SECRET && json_object_get(object, p->name)) {
                        (void) json_object_set_new(object, p->name, json_string("(secret)"));
                        n++;
                }
        return n;
}

char *models_mask(const Cli *cli, const char *plugin, const char *parameters) {
        const Config *c = cli->config;
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        char ignored[700], *text = NULL;

        if (catalog_new(c->plugin_directory, (const char *const *) c->load, c->n_load, c->exec,
                        c->n_exec, &catalog, ignored, sizeof(ignored)))
                return NULL;
        const CatalogEntry *entry = catalog_find(catalog, plugin);
        json_t *object = entry ? json_loads(parameters, 0, NULL) : NULL;
        if (json_is_object(object) && mask_secrets(&entry->model, object))
                text = json_dumps(object, JSON_COMPACT);
        json_decref(object);
        return text;
}

static const char *type_name(uint32_t type) {
        static const char *const names[] = {
                [RJ_PARAM_BOOL] = "bool",     [RJ_PARAM_INT] = "integer",
                [RJ_PARAM_SELECT] = "select", [RJ_PARAM_STRING] = "string",
                [RJ_PARAM_FK] = "fk",
        };
        return names[type]; /* checked when the plugin was loaded */
}

static void describe_type(const struct rj_param_desc *param, char *text, size_t size) {
        (void) snprintf(text, size, "%s", type_name(param->type));
        for (size_t i = 0; param->type == RJ_PARAM_SELECT && param->choices[i]; i++)
                (void) text_append(text, size, "%c%s", i ? ',' : '(', param->choices[i]);
        if (param->type == RJ_PARAM_SELECT)
                (void) text_append(text, size, ")");
}

static void print_model(const CatalogEntry *entry) {
        (void) printf("%s  %s\n", entry->name, entry->model.summary ? entry->model.summary : "");
        if (entry->model.flags & RJ_MODEL_ANY_PARAMETERS)
                (void) printf("    takes any parameters\n");
        for (const struct rj_param_desc *p = entry->model.params; p && p->name; p++) {
                char type[160];
                describe_type(p, type, sizeof(type));
                (void) printf("    %-28s %s%s%s%s%s\n", p->name, type,
                              p->flags & RJ_PARAM_REQUIRED ? ", required" : "",
                              p->flags & RJ_PARAM_SECRET ? ", secret" : "", p->help ? "  " : "",
                              p->help ? p->help : "");
        }
}

static json_t *model_json(const CatalogEntry *entry) {
        json_t *params = json_array();

        for (const struct rj_param_desc *p = entry->model.params; p && p->name; p++) {
                char type[160];
                describe_type(p, type, sizeof(type));
                (void) json_array_append_new(
                        params,
                        json_pack("{ss ss sb sb ss*}", "name", p->name, "type", type, "required",
                                  (int) (p->flags & RJ_PARAM_REQUIRED) != 0, "secret",
                                  (int) (p->flags & RJ_PARAM_SECRET) != 0, "help", p->help));
        }
        return json_pack("{ss ss* ss* sb so}", "model", entry->name, "source", entry->source,
                         "summary", entry->model.summary, "any_parameters",
                         (int) (entry->model.flags & RJ_MODEL_ANY_PARAMETERS), "parameters",
                         params);
}

int verb_plugins(Cli *cli) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        int code = models_open(cli, &catalog);
        if (code)
                return code;
        if (!cli->options->is_json) {
                for (size_t i = 0; i < catalog_count(catalog); i++)
                        print_model(catalog_at(catalog, i));
                if (!catalog_count(catalog))
                        cli_tell(cli, "no plugins are configured");
                return CLI_OK;
        }
        json_t *all = json_array();
        for (size_t i = 0; i < catalog_count(catalog); i++)
                (void) json_array_append_new(all, model_json(catalog_at(catalog, i)));
        (void) json_dumpf(all, stdout, JSON_INDENT(2));
        (void) putchar('\n');
        json_decref(all);
        return CLI_OK;
}
