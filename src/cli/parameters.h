/* The parameters of a job that is registered: words of the command line, and contents of files. */
#pragma once

#include "cli/cli.h"
#include "plugin/catalog.h"

/*
 * Makes the JSON text that is stored. Warns of secret values on the command line, and takes them
 * out of the list of processes. CLI_OK, or an exit code after saying what is wrong; the text is the
 * caller's.
 */
int parameters_read(const Cli *cli, int32_t co_id, const CatalogEntry *entry, char **ret);
