/*
 * Job models that are external programs: one section [exec "Plugin.Model"] of the configuration
 * each. The database never names a program; it names a model, which the administrator maps.
 */
#pragma once

#include <stddef.h>

#include "registry-job/plugin.h"
#include "util/clock.h"
#include "util/macro.h"

/* The room of jobs.plugin. */
#define EXEC_MODEL_NAME_MAX 80

#define EXEC_MODEL_E_INVALID 1 /* with one line in `why` */

typedef struct ExecModel ExecModel;

/* "Plugin.Model", each of letters, digits and underscores, beginning with a letter. */
int exec_model_new(const char *name, ExecModel **ret, char *why, size_t size);

/* One line of the section. One that is refused leaves the model as it was. */
int exec_model_set(ExecModel *model, const char *key, const char *value, char *why, size_t size);

/* The section is complete, and the program is there and may be executed. */
int exec_model_check(const ExecModel *model, char *why, size_t size);

/* What the host needs to list and run it; lives as long as `model` and changes with it. */
const struct rj_model *exec_model_describe(const ExecModel *model);

/* What its program may use from now on; 0 is no limit. CPU time is rounded up to whole seconds. */
void exec_model_limit(ExecModel *model, uint64_t memory_bytes, usec_t cpu_usec,
                      uint64_t open_files);

const char *exec_model_name(const ExecModel *model);

ExecModel *exec_model_free(ExecModel *model);
DEFINE_CLEANUP(ExecModel, exec_model_free)
