/* The models that this host can run, for checking what is registered. */
#pragma once

#include "cli/cli.h"
#include "plugin/catalog.h"

/* Opens the plugins of the configuration; CLI_OK, or CLI_CONFIG after saying why not. */
int models_open(const Cli *cli, Catalog **ret);

/* The entry for `name`; NULL after saying which there are. */
const CatalogEntry *models_find(const Catalog *catalog, const char *name);
