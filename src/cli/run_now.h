/* Runs one job in the foreground, outside any lane: Assigned to this process. */
#pragma once

#include "cli/cli.h"
#include "db/lane_store.h"
#include "plugin/catalog.h"

/*
 * Makes this process known as a holder of jobs, so that others can settle what it leaves when it is
 * killed. To be called before the job is registered.
 */
int run_now_join(Cli *cli, Identity *ret);

/* Takes the identity away again, when no job was registered. */
void run_now_leave(Cli *cli, const Identity *identity);

/* Runs the job, which is Assigned to `identity`, and takes the identity away. Exit code. */
int run_now(Cli *cli, const Catalog *catalog, Identity *identity, const Job *job);
