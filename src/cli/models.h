/* The models that daemons provide, as the database has them, and those of this host. */
#pragma once

#include "cli/cli.h"
#include "plugin/listing.h"

/* Loads the plugins of the configuration. Returns CLI_OK, or CLI_CONFIG after saying why not. */
int models_open(const Cli *cli, Catalog **ret);

/*
 * The names of all models as an array of the database, such as "{CoreJob.NesterJob}"; "{}" when the
 * plugins cannot be loaded, which is not said here. Starts the Registry of [registry]. A new
 * string, or NULL without memory.
 */
char *models_array(const Cli *cli);

/*
 * The model of that name on this host, which may start the Registry: its description, or with
 * `is_to_run` what runs it, in `ret_listed` or `ret_catalog`, which own it. Returns CLI_OK, or a
 * code after saying why not, or which models there are.
 */
int models_find(Cli *cli, const char *name, int is_to_run, ListedModel **ret_listed,
                Catalog **ret_catalog, const CatalogEntry **ret);

/*
 * What a daemon says of the model of that name: CLI_OK, or a code after saying why not. `ret` gets
 * NULL when no daemon provides it. Opens the connection.
 */
int models_listed(Cli *cli, const char *name, ListedModel **ret);

/*
 * The parameters of a job of `model` as they may be shown; see core/secret.h. Says why, when nobody
 * knows the model. A new string, or NULL without memory.
 */
char *models_hide_secrets(Cli *cli, const char *model, const char *parameters);

/*
 * As models_hide_secrets(), in a row of job_show.sql: secret values are in the database, but on no
 * screen. Returns CLI_OK, or CLI_FAILED after saying that there is no memory.
 */
int models_hide_in(Cli *cli, PGresult *job);
