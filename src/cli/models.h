/* The models that this host can run, for checking what is registered. */
#pragma once

#include "cli/cli.h"
#include "plugin/catalog.h"

/* Opens the plugins of the configuration; CLI_OK, or CLI_CONFIG after saying why not. */
int models_open(const Cli *cli, Catalog **ret);

/* The entry for `name`; NULL after saying which there are. */
const CatalogEntry *models_find(const Catalog *catalog, const char *name);

/*
 * The parameters as they may be shown: values of secret ones replaced. NULL when nothing has to be,
 * or when this host does not know the model; else the caller's.
 */
char *models_mask(const Cli *cli, const char *plugin, const char *parameters);
