/*
 * Every model that jobs can name: those of the plugins in `[plugins] load`, and those that the
 * configuration maps to external programs. A name from the database is only ever looked up here;
 * no path is made from it.
 */
#pragma once

#include "exec/exec_model.h"
#include "plugin/loader.h"

typedef struct Catalog Catalog;

typedef struct CatalogEntry {
        char name[2 * 80];     /* "Plugin.Model" */
        struct rj_model model; /* with params of our own stride, or NULL */
        const char *source;    /* path-less name of the plugin and its version, or the command */
        const Plugin *plugin;  /* NULL for an external program */
} CatalogEntry;

#define CATALOG_E_INVALID 1 /* `why` says what is wrong */

/* `exec` are mapped models, which must outlive the catalog. */
int catalog_new(const char *directory, const char *const load[], size_t n_load,
                ExecModel *const exec[], size_t n_exec, Catalog **ret, char *why, size_t size);

Catalog *catalog_free(Catalog *catalog);
DEFINE_CLEANUP(Catalog, catalog_free)

/* NULL when nobody provides it. `name` may be anything, NULL included. */
const CatalogEntry *catalog_find(const Catalog *catalog, const char *name);

/* The external program that runs it; NULL for a model of a plugin. */
const ExecModel *catalog_program(const CatalogEntry *entry);

/* See exec_model_missing(). */
const char *catalog_missing(const CatalogEntry *entry);

size_t catalog_count(const Catalog *catalog);
const CatalogEntry *catalog_at(const Catalog *catalog, size_t i);
