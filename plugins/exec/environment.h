/* The environment of an external program: defined here, and nothing of the daemon's own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

/*
 * PATH, LANG, HOME (where `home` is not NULL), for one job (`plugin` not NULL) REGISTRY_JOB_ID,
 * REGISTRY_CO_ID and REGISTRY_JOB_PLUGIN, then the `n_extra` words NAME=value of the section, which
 * take the place of PATH, LANG and HOME. Returns a vector that ends with NULL, or NULL without
 * memory.
 */
char **environment_new(const char *plugin, int32_t job_id, int32_t co_id, const char *home,
                       char *const extra[], size_t n_extra);

char **environment_free(char **environment);
DEFINE_CLEANUP(char *, environment_free)

/* 1 for names that a section may not set: they tell the program which job it runs. */
int environment_is_reserved(const char *name);
