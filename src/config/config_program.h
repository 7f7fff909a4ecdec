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
int config_section_complete(Config *config, ConfigSection section, char *why, size_t size);

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

#define CONFIG_MISSING_SIZE 700

/*
 * What is not there of the programs that the file names: writes the words of the `nth`, such as
 * `[exec "A.B"]: command ... cannot be executed`, and returns 1, or 0 when there are no more.
 */
int config_missing(const Config *config, size_t nth, char *words, size_t size);

/* The same of a program that `next` lacks, and `running` does not: 1 with its words, or 0. */
int config_newly_missing(const Config *running, const Config *next, char *words, size_t size);

/* The program of this name, or NULL. */
const ConfigProgram *config_program_find(const Config *config, const char *name);
