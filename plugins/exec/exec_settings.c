/*
 * What the program of a model is given. The form of a configuration file, its keys and their ranges
 * are not known here: whoever reads the file calls these functions with values.
 */
#include <errno.h>
#include <string.h>

#include "exec/exec_model_private.h"
#include "exec/param_spec.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/macro.h"
#include "util/text.h"

static int replace_text(char **to, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return error_origin(-ENOMEM);
        free(*to);
        *to = copy;
        return 0;
}

/* Takes `argv`, also when it fails. */
static int take_words(ExecModel *model, char **argv) {
        _cleanup_(argv_freep) char **words = argv;

        char *summary = text_format("runs %s", argv[0]);
        if (!summary)
                return error_origin(-ENOMEM);
        free(model->summary);
        model->model.summary = model->summary = summary;
        (void) argv_free(model->argv);
        model->argv = TAKE_PTR(words);
        return 0;
}

int exec_model_set_command(ExecModel *model, const char *line) {
        _cleanup_(argv_freep) char **argv = NULL;

        int r = argv_split(line, &argv);
        if (r)
                return r < 0 ? r : EXEC_MODEL_E_INVALID;
        if (argv[0][0] != '/')
                return EXEC_MODEL_E_INVALID;
        return take_words(model, TAKE_PTR(argv));
}

int exec_model_set_words(ExecModel *model, const char *const words[]) {
        char **argv = argv_copy(words);

        return argv ? take_words(model, argv) : error_origin(-ENOMEM);
}

int exec_model_set_directory(ExecModel *model, const char *path) {
        return replace_text(&model->directory, path);
}

int exec_model_set_timeout(ExecModel *model, usec_t usec, const char *words) {
        model->timeout_usec = usec;
        return replace_text(&model->timeout, words);
}

void exec_model_set_kill_after(ExecModel *model, usec_t usec) {
        model->kill_after_usec = usec;
}

void exec_model_set_cancel_signal(ExecModel *model, int number) {
        model->cancel_signal = number;
}

int exec_model_set_resident(ExecModel *model, usec_t start_usec, const char *words) {
        model->is_resident = 1;
        model->start_usec = start_usec;
        return replace_text(&model->start, words);
}

int exec_model_set_missing(ExecModel *model, const char *why) {
        return replace_text(&model->missing, why);
}

const char *exec_model_missing(const ExecModel *model) {
        return model->missing;
}

void exec_model_allow_any_parameters(ExecModel *model) {
        model->model.flags |= RJ_MODEL_ANY_PARAMETERS;
}

void exec_model_let_program_tell(ExecModel *model) {
        model->is_told = 1;
        model->model.flags |= RJ_MODEL_ANY_PARAMETERS;
}

void exec_model_set_starts_first(ExecModel *model, size_t n_told) {
        model->starts_first = 1;
        model->n_told = n_told;
}

int exec_model_is_told(const ExecModel *model) {
        return model->is_told;
}

int exec_model_add_parameter(ExecModel *model, const char *name, const char *spec) {
        struct rj_param_desc *params =
                reallocarray(model->params, model->n_params + 2, sizeof(*params));
        if (!params)
                return error_origin(-ENOMEM);

        model->params = params;
        model->model.params = params;
        int r = param_spec_parse(name, spec, &params[model->n_params]);
        if (!r)
                model->n_params++;
        params[model->n_params] = (struct rj_param_desc){0};
        return r > 0 ? EXEC_MODEL_E_INVALID : r;
}

int exec_model_add_variable(ExecModel *model, const char *name, const char *value) {
        char **environment =
                reallocarray(model->environment, model->n_environment + 2, sizeof(*environment));
        if (!environment)
                return error_origin(-ENOMEM);

        model->environment = environment;
        environment[model->n_environment] = text_format("%s=%s", name, value);
        if (!environment[model->n_environment])
                return error_origin(-ENOMEM);
        environment[++model->n_environment] = NULL;
        return 0;
}
