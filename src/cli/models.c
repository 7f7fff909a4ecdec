/*
 * What a model is, a daemon has written into the database. Where none provides it, the command
 * loads the plugins of this host, only to read their descriptions, which runs none of their code,
 * and starts the Registry of [registry], which tells its models.
 */
#include "cli/models.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/verbs.h"
#include "config/config_program.h"
#include "core/secret.h"
#include "plugin/listing.h"
#include "supervisor/supervisor.h"
#include "util/text.h"

#define WHY_SIZE SUPERVISOR_WHY_SIZE

/* A child tries it first: a damaged plugin ends whoever loads it. */
static int open_catalog(const Cli *cli, Catalog **ret, char why[WHY_SIZE]) {
        const Config *c = cli->config;
        json_auto_t *models = NULL;

        int r = supervisor_list_models(c, &models, why);
        if (r)
                return r;
        (void) snprintf(why, WHY_SIZE, "out of memory");
        return catalog_new(c->plugin_directory, (const char *const *) c->load, c->n_load, c->exec,
                           c->n_exec, ret, why, WHY_SIZE);
}

int models_open(const Cli *cli, Catalog **ret) {
        char why[WHY_SIZE];

        if (!open_catalog(cli, ret, why))
                return CLI_OK;
        cli_say("%s", why);
        return CLI_CONFIG;
}

/* Of two models of one name that of the configuration runs. */
static int list_all(const Cli *cli, const Catalog *catalog, json_t **ret) {
        json_t *all = listing_new(catalog);
        json_auto_t *told = NULL;

        *ret = all;
        if (!all)
                return cli_say_memory();
        if (!cli->config->registry_app)
                return CLI_OK;
        if (supervisor_ask_registry(cli->config, &told))
                return CLI_CONFIG;
        for (size_t i = 0; i < json_array_size(told); i++) {
                json_t *one = json_array_get(told, i);
                if (!catalog_find(catalog, listing_name(one)) && json_array_append(all, one))
                        return cli_say_memory();
        }
        return CLI_OK;
}

/* All names of a listing; a new string, or NULL without memory. */
static char *join_names(const json_t *all, const char *separator) {
        char *names = NULL;
        size_t size;
        FILE *to = open_memstream(&names, &size);

        if (!to)
                return NULL;
        for (size_t i = 0; i < json_array_size(all); i++)
                (void) fprintf(to, "%s%s", i ? separator : "",
                               listing_name(json_array_get(all, i)));
        return fclose(to) ? NULL : names;
}

char *models_array(const Cli *cli) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        json_auto_t *all = NULL;
        char why[WHY_SIZE];

        if (!open_catalog(cli, &catalog, why))
                (void) list_all(cli, catalog, &all);
        _cleanup_(freep) char *names = join_names(all, ",");
        return names ? text_format("{%s}", names) : NULL;
}

static int say_unknown(const Catalog *catalog, const char *name) {
        json_auto_t *all = listing_new(catalog);
        _cleanup_(freep) char *names = join_names(all, ", ");

        cli_say("no plugin provides '%s'; there is %s", name,
                names && *names ? names : "none at all");
        cli_say("hint: [plugins] load, [registry] and [exec ...] in the configuration say what "
                "there is");
        return CLI_FAILED;
}

/* Opens the catalog again, with the models that only the Registry has. */
static int add_told(Cli *cli, const json_t *told, Catalog **catalog) {
        for (size_t i = 0; i < json_array_size(told); i++) {
                const char *name = listing_name(json_array_get(told, i));
                if (!catalog_find(*catalog, name) &&
                    config_add_registry_model(cli->config, name, json_array_size(told)))
                        return cli_say_memory();
        }
        *catalog = catalog_free(*catalog);
        return models_open(cli, catalog);
}

static int find_in_registry(Cli *cli, const char *name, int is_to_run, ListedModel **ret_listed,
                            Catalog **ret_catalog, const CatalogEntry **ret) {
        json_auto_t *told = NULL;

        if (supervisor_ask_registry(cli->config, &told))
                return CLI_CONFIG;
        json_t *found = listing_find(told, name);
        if (!found || is_to_run) {
                int code = add_told(cli, told, ret_catalog);
                *ret = code ? NULL : catalog_find(*ret_catalog, name);
                return code ? code : *ret ? CLI_OK : say_unknown(*ret_catalog, name);
        }
        if (listed_model_new(found, ret_listed))
                return cli_say_memory();
        *ret = &(*ret_listed)->entry;
        return CLI_OK;
}

static int refuse_missing(const CatalogEntry *entry) {
        if (!catalog_missing(entry))
                return CLI_OK;
        cli_say("[exec \"%s\"]: %s", entry->name, catalog_missing(entry));
        return CLI_CONFIG;
}

int models_find(Cli *cli, const char *name, int is_to_run, ListedModel **ret_listed,
                Catalog **ret_catalog, const CatalogEntry **ret) {
        int code = models_open(cli, ret_catalog);

        if (code)
                return code;
        *ret = catalog_find(*ret_catalog, name);
        if (*ret)
                return is_to_run ? refuse_missing(*ret) : CLI_OK;
        if (!cli->config->registry_app)
                return say_unknown(*ret_catalog, name);
        return find_in_registry(cli, name, is_to_run, ret_listed, ret_catalog, ret);
}

int models_listed(Cli *cli, const char *name, ListedModel **ret) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        *ret = NULL;
        int code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_MODEL_SHOW);
        batch_text(&batch, name);
        code = cli_run(cli, &batch, &reply);
        if (code || !db_rows(&reply, 0))
                return code;
        const char *text = db_text(reply.results[0], 0, 0);
        int r = text ? listed_model_parse(text, ret) : LISTING_E_INVALID;
        if (r == LISTING_E_INVALID)
                cli_say("the description of '%s' in jobd.model is not one: a daemon that is "
                        "reloaded writes it again",
                        name);
        return r == LISTING_E_INVALID ? CLI_FAILED : r ? cli_say_memory() : CLI_OK;
}

/* The parameters of a resident program are told by itself, to the workers alone. */
static int is_told(const CatalogEntry *entry) {
        const ExecModel *program = catalog_program(entry);

        return program && exec_model_is_told(program);
}

char *models_hide_secrets(Cli *cli, const char *model, const char *parameters) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        _cleanup_(listed_model_freep) ListedModel *listed = NULL;
        char why[WHY_SIZE];

        (void) models_listed(cli, model, &listed);
        const CatalogEntry *entry = listed ? &listed->entry : NULL;
        if (!entry && !open_catalog(cli, &catalog, why))
                entry = catalog_find(catalog, model);
        int is_silent = listed ? listed->is_told : entry && is_told(entry);
        const char *unknown = is_silent ? "its resident program tells only workers which are"
                              : entry   ? NULL
                              : cli->problems->count ? "the configuration has an error"
                              : catalog              ? "nobody provides the model"
                                                     : why;
        char *shown = secret_hide(parameters, unknown ? NULL : &entry->model);
        if (unknown && shown && strcmp(shown, parameters))
                cli_tell(cli, "values of parameters are hidden, because some may be secret: %s",
                         unknown);
        return shown;
}

int models_hide_in(Cli *cli, PGresult *job) {
        int column = PQfnumber(job, "parameters");

        if (PQgetisnull(job, 0, column))
                return CLI_OK;
        _cleanup_(freep) char *shown = models_hide_secrets(cli, output_value(job, 0, "plugin"),
                                                           output_value(job, 0, "parameters"));
        if (shown && PQsetvalue(job, 0, column, shown, (int) strlen(shown)))
                return CLI_OK;
        return cli_say_memory();
}

/* Prints and frees one line; NULL is one that there was no memory for. */
static void print_line(char *line) {
        output_line(line ? line : "out of memory");
        free(line);
}

static void print_model(const CatalogEntry *entry) {
        print_line(text_format("%s  %s", entry->name,
                               entry->model.summary ? entry->model.summary : ""));
        if (entry->model.flags & RJ_MODEL_ANY_PARAMETERS)
                output_line("    takes any parameters");
        for (const struct rj_param_desc *p = entry->model.params; p && p->name; p++) {
                _cleanup_(freep) char *type = listing_type(p);
                print_line(text_format("    %-28s %s%s%s%s%s", p->name, type ? type : "",
                                       p->flags & RJ_PARAM_REQUIRED ? ", required" : "",
                                       p->flags & RJ_PARAM_SECRET ? ", secret" : "",
                                       p->help && *p->help ? "  " : "", p->help ? p->help : ""));
        }
}

static int print_listing(const Cli *cli, const json_t *all) {
        for (size_t i = 0; i < json_array_size(all); i++) {
                _cleanup_(listed_model_freep) ListedModel *model = NULL;
                if (listed_model_new(json_array_get(all, i), &model))
                        return cli_say_memory();
                print_model(&model->entry);
        }
        if (!json_array_size(all))
                cli_tell(cli, "no plugins are configured");
        return CLI_OK;
}

int verb_plugins(Cli *cli) {
        _cleanup_(catalog_freep) Catalog *catalog = NULL;
        json_auto_t *all = NULL;

        int code = models_open(cli, &catalog);
        if (code)
                return code;
        for (size_t i = 0; i < catalog_count(catalog); i++)
                (void) refuse_missing(catalog_at(catalog, i));
        code = list_all(cli, catalog, &all);
        if (!all)
                return code;
        int printed =
                cli->options->is_json ? output_value_json(TAKE_PTR(all)) : print_listing(cli, all);
        return printed ? printed : code;
}
