/* A model as an object: made, checked against the file system, described to the host, freed. */
#include "exec/exec_model.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/exec_run.h"
#include "exec/param_spec.h"
#include "util/argv.h"
#include "util/error.h"

/* Bytes of a word of letters, digits and underscores that begins with a letter; else 0. */
static size_t word_length(const char *text) {
        size_t n = 0;

        while (isalpha((unsigned char) *text) &&
               (isalnum((unsigned char) text[n]) || text[n] == '_'))
                n++;
        return n;
}

int exec_model_is_name(const char *name) {
        size_t plugin = word_length(name);
        size_t model = plugin && name[plugin] == '.' ? word_length(name + plugin + 1) : 0;

        return model && !name[plugin + 1 + model] && strlen(name) <= EXEC_MODEL_NAME_MAX;
}

int exec_model_new(const char *name, ExecModel **ret, char *why, size_t size) {
        if (!exec_model_is_name(name)) {
                (void) snprintf(why, size,
                                "'%.80s' is not of the form Plugin.Model: two words of letters, "
                                "digits and underscores, of at most %d characters together",
                                name, EXEC_MODEL_NAME_MAX);
                return EXEC_MODEL_E_INVALID;
        }

        _cleanup_(exec_model_freep) ExecModel *model = calloc(1, sizeof(*model));
        if (!model)
                return error_origin(-ENOMEM);
        model->name = strdup(name);
        model->directory = strdup("/");
        if (!model->name || !model->directory)
                return error_origin(-ENOMEM);
        model->cancel_signal = SIGTERM;
        model->kill_after_usec = EXEC_KILL_AFTER_USEC;
        model->limits = (OutputLimits){.line_bytes = EXEC_LINE_BYTES_MAX,
                                       .messages = EXEC_MESSAGES_MAX,
                                       .logged_lines = EXEC_LOGGED_LINES_MAX};
        model->model = (struct rj_model){.name = strchr(model->name, '.') + 1,
                                         .summary = "external program",
                                         .run = exec_run,
                                         .data = model};
        *ret = TAKE_PTR(model);
        return 0;
}

ExecModel *exec_model_free(ExecModel *model) {
        if (model) {
                for (size_t i = 0; i < model->n_params; i++)
                        param_spec_done(&model->params[i]);
                free(model->params);
                (void) environment_free(model->environment);
                (void) argv_free(model->argv);
                free(model->directory);
                free(model->missing);
                free(model->timeout);
                free(model->start);
                free(model->summary);
                free(model->name);
                free(model);
        }
        return NULL;
}

int exec_model_check(const ExecModel *model, char *why, size_t size) {
        char problem[480];
        struct stat status;

        if (!model->argv) {
                (void) snprintf(why, size, "'command' is missing");
                return EXEC_MODEL_E_INVALID;
        }
        if (program_check(model->argv[0], problem, sizeof(problem))) {
                (void) snprintf(why, size, "command %s", problem);
                return EXEC_MODEL_E_INVALID;
        }
        int error = stat(model->directory, &status) < 0 ? errno
                    : !S_ISDIR(status.st_mode)          ? ENOTDIR
                                                        : 0;
        if (error) {
                (void) snprintf(why, size, "directory '%s': %s", model->directory, strerror(error));
                return EXEC_MODEL_E_INVALID;
        }
        return 0;
}

const struct rj_model *exec_model_describe(const ExecModel *model) {
        return &model->model;
}

void exec_model_limit(ExecModel *model, uint64_t memory_bytes, usec_t cpu_usec,
                      uint64_t open_files) {
        model->program_limits = (ProgramLimits){.memory_bytes = memory_bytes,
                                                .cpu_seconds = cpu_usec / USEC_PER_SEC +
                                                               (cpu_usec % USEC_PER_SEC != 0),
                                                .open_files = open_files};
}

const char *exec_model_name(const ExecModel *model) {
        return model->name;
}
