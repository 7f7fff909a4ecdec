/*
 * Sections [registry], [hooks] and [exec "Plugin.Model"]: what the file says is given to the
 * library of programs.
 */
#pragma once

#include <stddef.h>

#include "config/config.h"
#include "config/config_keys.h"

/*
 * A section is complete: gives that of the last program to its model, which is new, and checks
 * that the program of the section is there, if it has one. Returns 0, CONFIG_E_INVALID with the
 * reason in `why`, or -errno.
 */
int config_section_complete(const Config *config, ConfigSection section, char *why, size_t size);

/*
 * A model that the Registry of [registry] has told, as one of so many: 0, or -ENOMEM. Without a
 * name it is the program itself, which tells them.
 */
int config_registry_model(const Config *config, const char *name, size_t n_told, ExecModel **ret);

/* Makes it one of the configuration's programs. Returns 0 or -ENOMEM. */
int config_add_registry_model(Config *config, const char *name, size_t n_told);

#define CONFIG_HOOK_KILL_USEC USEC_PER_SEC /* from the timeout of a hook to SIGKILL */

/* The program of [hooks], which has one. Returns 0 or -ENOMEM. */
int config_hook_model(const Config *config, ExecModel **ret);

/*
 * A model of `next` whose program is missing, and was not missing before in `running`: NULL when
 * there is none.
 */
const ExecModel *config_newly_missing(const Config *running, const Config *next);

/* The program of this name, or NULL. */
const ConfigProgram *config_program_find(const Config *config, const char *name);
