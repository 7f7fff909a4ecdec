/* Sections [registry] and [exec "Plugin.Model"]: what the file says is given to the library of
 * programs. */
#pragma once

#include <stddef.h>

#include "config/config.h"

/*
 * Gives a whole section to its model, which is new, and checks that the program is there. Returns
 * 0, CONFIG_E_INVALID with the reason in `why`, or -errno.
 */
int config_program_complete(const ConfigProgram *program, ExecModel *model, char *why, size_t size);

/*
 * A model that the Registry of [registry] has told, as one of so many: 0, or -ENOMEM. Without a
 * name it is the program itself, which tells them.
 */
int config_registry_model(const Config *config, const char *name, size_t n_told, ExecModel **ret);

/* Makes it one of the configuration's programs. Returns 0 or -ENOMEM. */
int config_add_registry_model(Config *config, const char *name, size_t n_told);

/* Checks [registry], as config_program_complete() does a program. */
int config_registry_check(const Config *config, char *why, size_t size);

/* The program of this name, or NULL. */
const ConfigProgram *config_program_find(const Config *config, const char *name);
