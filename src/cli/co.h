/* -c: a CO by its id or its name. */
#pragma once

#include "cli/cli.h"

/*
 * Reads -c: the id of a CO; 0 for "all", and without -c. A name is looked up, for which the
 * connection is opened. Returns CLI_OK, or a code after saying what is wrong.
 */
int co_read(Cli *cli, int32_t *ret);
