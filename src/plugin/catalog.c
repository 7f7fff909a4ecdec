#include "plugin/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

#define PLUGIN_COLUMN_CHARS 80 /* jobs.plugin */

struct Catalog {
        Plugin **plugins;
        size_t n_plugins;
        CatalogEntry *entries;
        size_t n;
};

Catalog *catalog_free(Catalog *catalog) {
        if (catalog) {
                for (size_t i = 0; i < catalog->n; i++)
                        free((void *) catalog->entries[i].model.params);
                free(catalog->entries);
                for (size_t i = 0; i < catalog->n_plugins; i++)
                        catalog->plugins[i] = loader_close(catalog->plugins[i]);
                free(catalog->plugins);
                free(catalog);
        }
        return NULL;
}

const CatalogEntry *catalog_find(const Catalog *catalog, const char *name) {
        for (size_t i = 0; name && i < catalog->n; i++)
                if (!strcmp(catalog->entries[i].name, name))
                        return &catalog->entries[i];
        return NULL;
}

const ExecModel *catalog_program(const CatalogEntry *entry) {
        return entry->plugin ? NULL : entry->model.data;
}

const char *catalog_missing(const CatalogEntry *entry) {
        const ExecModel *program = catalog_program(entry);

        return program ? exec_model_missing(program) : NULL;
}

size_t catalog_count(const Catalog *catalog) {
        return catalog->n;
}

const CatalogEntry *catalog_at(const Catalog *catalog, size_t i) {
        return &catalog->entries[i];
}

/* A new, empty entry at the end. */
static CatalogEntry *append(Catalog *catalog) {
        CatalogEntry *entries =
                reallocarray(catalog->entries, catalog->n + 1, sizeof(*catalog->entries));
        if (!entries)
                return NULL;
        catalog->entries = entries;
        entries[catalog->n] = (CatalogEntry){0};
        return &entries[catalog->n++];
}

/* The parameters in an array with our own stride: from here on nobody thinks of the plugin's. */
static int copy_params(const struct rj_plugin *desc, const struct rj_model *model,
                       const struct rj_param_desc **ret) {
        size_t n = 0;
        while (abi_param(desc, model, n))
                n++;
        struct rj_param_desc *params = calloc(n + 1, sizeof(*params));
        if (!params)
                return error_origin(-ENOMEM);
        for (size_t i = 0; i < n; i++)
                abi_copy(&params[i], sizeof(*params), abi_param(desc, model, i), desc->param_size);
        *ret = params;
        return 0;
}

static int add_model(Catalog *catalog, const struct rj_plugin *desc, const struct rj_model *model,
                     const char *name, const Plugin *plugin, char *why, size_t size) {
        if (strlen(name) > PLUGIN_COLUMN_CHARS) {
                (void) snprintf(why, size,
                                "'%.160s' is longer than the %d characters of the column", name,
                                PLUGIN_COLUMN_CHARS);
                return CATALOG_E_INVALID;
        }
        if (catalog_find(catalog, name)) {
                (void) snprintf(why, size, "'%s' is provided twice", name);
                return CATALOG_E_INVALID;
        }
        CatalogEntry *entry = append(catalog);
        if (!entry)
                return error_origin(-ENOMEM);
        (void) snprintf(entry->name, sizeof(entry->name), "%s", name);
        abi_copy(&entry->model, sizeof(entry->model), model, desc->model_size);
        entry->model.params = NULL;
        entry->source = desc->version;
        entry->plugin = plugin;
        return copy_params(desc, model, &entry->model.params);
}

static int add_plugin(Catalog *catalog, const char *directory, const char *name, char *why,
                      size_t size) {
        char problem[480] = "not a name: letters, digits and '_'";
        Plugin *plugin;
        int r = LOADER_E_UNLOADABLE;

        if (abi_is_name(name, strlen(name)))
                r = loader_open(directory, name, &plugin, problem, sizeof(problem));
        if (r > 0) {
                (void) snprintf(why, size, "could not load plugin '%s': %s", name, problem);
                return CATALOG_E_INVALID;
        }
        if (r < 0)
                return r;

        Plugin **plugins = reallocarray(catalog->plugins, catalog->n_plugins + 1, sizeof(*plugins));
        if (!plugins) {
                (void) loader_close(plugin);
                return error_origin(-ENOMEM);
        }
        catalog->plugins = plugins;
        plugins[catalog->n_plugins++] = plugin;

        const struct rj_model *model;
        for (size_t i = 0; (model = abi_model(&plugin->desc, i)); i++) {
                char full[2 * 80];
                (void) snprintf(full, sizeof(full), "%.79s.%.79s", name, model->name);
                r = add_model(catalog, &plugin->desc, model, full, plugin, why, size);
                if (r)
                        return r;
        }
        return 0;
}

int catalog_new(const char *directory, const char *const load[], size_t n_load,
                ExecModel *const exec[], size_t n_exec, Catalog **ret, char *why, size_t size) {
        static const struct rj_plugin own = {RJ_PLUGIN_INIT, .name = "exec", .version = "exec"};
        _cleanup_(catalog_freep) Catalog *catalog = calloc(1, sizeof(*catalog));
        int r = catalog ? 0 : error_origin(-ENOMEM);

        for (size_t i = 0; !r && i < n_load; i++)
                r = add_plugin(catalog, directory, load[i], why, size);
        for (size_t i = 0; !r && i < n_exec; i++)
                r = add_model(catalog, &own, exec_model_describe(exec[i]), exec_model_name(exec[i]),
                              NULL, why, size);
        if (!r)
                *ret = TAKE_PTR(catalog);
        return r;
}
