/*
 * Job models that are external programs. The database never names a program: it names a model, and
 * the administrator says in the configuration which program that is.
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

/* 1 for "Plugin.Model", each of letters, digits and underscores, beginning with a letter. */
int exec_model_is_name(const char *name);

/* `name` as exec_model_is_name() accepts it. Returns 0, EXEC_MODEL_E_INVALID, or -ENOMEM. */
int exec_model_new(const char *name, ExecModel **ret, char *why, size_t size);

/*
 * The program and its arguments, a line as argv_split() takes it that begins with an absolute path.
 * Returns 0, EXEC_MODEL_E_INVALID for another line, or -ENOMEM; then the model is as it was.
 */
int exec_model_set_command(ExecModel *model, const char *line);

/* The same, as words that end with NULL, the first an absolute path. Returns 0 or -ENOMEM. */
int exec_model_set_words(ExecModel *model, const char *const words[]);

/* The directory that the program starts in. Returns 0 or -ENOMEM. */
int exec_model_set_directory(ExecModel *model, const char *path);

/* How long the program may run; 0: no limit. `words` are for messages. Returns 0 or -ENOMEM. */
int exec_model_set_timeout(ExecModel *model, usec_t usec, const char *words);

/* How long after its timeout the program is killed. */
void exec_model_set_kill_after(ExecModel *model, usec_t usec);

/* The signal that asks the program to stop. */
void exec_model_set_cancel_signal(ExecModel *model, int number);

/*
 * Makes its program a resident one, which a worker starts once and gives job after job, and which
 * has to say that it is ready within a time. `words` are for messages. Returns 0 or -ENOMEM.
 */
int exec_model_set_resident(ExecModel *model, usec_t start_usec, const char *words);

/*
 * A job of the model is claimed only where its resident program runs: residents_run_first().
 * `n_told`: of so many models the program is to tell.
 */
void exec_model_set_starts_first(ExecModel *model, size_t n_told);

/* Lets jobs have any parameters, unchecked. */
void exec_model_allow_any_parameters(ExecModel *model);

/* Leaves it to the resident program to tell the parameters. */
void exec_model_let_program_tell(ExecModel *model);
int exec_model_is_told(const ExecModel *model);

/*
 * Declares one more parameter, of a type as param_spec_parse() takes it. Returns 0,
 * EXEC_MODEL_E_INVALID for another type, or -ENOMEM; then the model is as it was.
 */
int exec_model_add_parameter(ExecModel *model, const char *name, const char *spec);

/* Adds a variable to the program's environment. Returns 0 or -ENOMEM. */
int exec_model_add_variable(ExecModel *model, const char *name, const char *value);

/*
 * Checks that the model has a command, and that its program and directory are there and may be
 * used. Returns 0, or EXEC_MODEL_E_INVALID with the reason in `why`.
 */
int exec_model_check(const ExecModel *model, char *why, size_t size);

/*
 * Why the model's program cannot be run, such as "command '/opt/x' cannot be executed: No such
 * file or directory"; NULL while it can be. A model whose program is missing is known, and provided
 * by nobody. Setting it returns 0 or -ENOMEM.
 */
const char *exec_model_missing(const ExecModel *model);
int exec_model_set_missing(ExecModel *model, const char *why);

/*
 * What the host needs to list and run it; lives as long as `model` and changes with it. Parameters
 * that a resident program tells itself are not in it, since only a worker knows them: such a model
 * takes any.
 */
const struct rj_model *exec_model_describe(const ExecModel *model);

/* What its program may use from now on; 0 is no limit. CPU time is rounded up to whole seconds. */
void exec_model_limit(ExecModel *model, uint64_t memory_bytes, usec_t cpu_usec,
                      uint64_t open_files);

const char *exec_model_name(const ExecModel *model);

ExecModel *exec_model_free(ExecModel *model);
DEFINE_CLEANUP(ExecModel, exec_model_free)
