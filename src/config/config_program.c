/*
 * Keys that are missing or exclude each other are found here, when the section is complete. So is a
 * program that is not there, which is no error of the file: the place that it lies in may not be
 * mounted yet. Its model is withdrawn until a reload finds it.
 */
#include "config/config_program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config_value.h"
#include "util/error.h"

static int give_parameters(const ConfigProgram *program, ExecModel *model) {
        int r = 0;

        if (program->has_any_parameters)
                exec_model_allow_any_parameters(model);
        for (size_t i = 0; !r && i < program->parameters.n; i++)
                r = exec_model_add_parameter(model, program->parameters.items[i].name,
                                             program->parameters.items[i].text);
        return r;
}

static int give_variables(const ConfigNamedList *variables, ExecModel *model) {
        int r = 0;

        for (size_t i = 0; !r && i < variables->n; i++)
                r = exec_model_add_variable(model, variables->items[i].name,
                                            variables->items[i].text);
        return r;
}

static int give_residence(const ConfigProgram *program, ExecModel *model) {
        char start[32];

        if (!program->is_resident)
                return 0;
        if (!program->has_any_parameters && !program->parameters.n)
                exec_model_let_program_tell(model);
        config_format_duration(program->start_usec, start, sizeof(start));
        return exec_model_set_resident(model, program->start_usec, start);
}

static int give_keys(const ConfigProgram *program, ExecModel *model) {
        char timeout[32];

        config_format_duration(program->timeout_usec, timeout, sizeof(timeout));
        int r = exec_model_set_command(model, program->command);
        if (!r)
                r = exec_model_set_directory(model, program->directory);
        if (!r)
                r = exec_model_set_timeout(model, program->timeout_usec, timeout);
        if (!r)
                r = give_parameters(program, model);
        if (!r)
                r = give_variables(&program->variables, model);
        if (!r)
                r = give_residence(program, model);
        exec_model_set_kill_after(model, program->kill_after_usec);
        exec_model_set_cancel_signal(model, program->cancel_signal);
        return r;
}

static int complete_program(const ConfigProgram *program, ExecModel *model, char *why,
                            size_t size) {
        if (!program->command) {
                (void) snprintf(why, size, "'command' is missing");
                return CONFIG_E_INVALID;
        }
        if (program->has_any_parameters && program->parameters.n) {
                (void) snprintf(why, size,
                                "'parameters = any' and 'parameter.NAME' exclude each other");
                return CONFIG_E_INVALID;
        }
        int r = give_keys(program, model);
        if (r)
                return error_fold(r);
        return exec_model_check(model, why, size) ? exec_model_set_missing(model, why) : 0;
}

/* The names as one word, as the bridge takes them; NULL without memory. */
static char *join_models(const char *models) {
        char *joined = strdup(models), *to = joined;

        for (char *p = joined; p && *p; p++)
                if (!strchr(" \t,", *p))
                        *to++ = *p;
                else if (to > joined && to[-1] != ',')
                        *to++ = ',';
        if (joined)
                to[to > joined && to[-1] == ',' ? -1 : 0] = '\0';
        return joined;
}

/* PCRE compiles nothing at run time: the service may not write what it executes. */
static int give_bridge(const Config *config, ExecModel *model) {
        _cleanup_(freep) char *models = join_models(config->registry_models);
        const char *const words[] = {config->registry_php,
                                     "-d",
                                     "pcre.jit=0",
                                     config->registry_bridge,
                                     config->registry_app,
                                     models && *models ? "--models" : NULL,
                                     models,
                                     NULL};
        return models ? exec_model_set_words(model, words) : error_origin(-ENOMEM);
}

int config_registry_model(const Config *config, const char *name, size_t n_told, ExecModel **ret) {
        _cleanup_(exec_model_freep) ExecModel *model = NULL;
        char why[160], start[32];

        int r = exec_model_new(name ? name : "Registry.Models", &model, why, sizeof(why));
        if (!r)
                r = give_bridge(config, model);
        if (!r)
                r = give_variables(&config->registry_variables, model);
        if (r)
                return r;
        config_format_duration(config->registry_start_usec, start, sizeof(start));
        exec_model_let_program_tell(model);
        exec_model_set_starts_first(model, n_told);
        r = exec_model_set_resident(model, config->registry_start_usec, start);
        if (!r)
                *ret = TAKE_PTR(model);
        return r;
}

int config_add_registry_model(Config *config, const char *name, size_t n_told) {
        size_t n = config->n_exec;

        ConfigProgram *programs = reallocarray(config->programs, n + 1, sizeof(*programs));
        if (!programs)
                return error_origin(-ENOMEM);
        config->programs = programs;
        programs[n] = (ConfigProgram){0};
        (void) snprintf(programs[n].name, sizeof(programs[n].name), "%s", name);
        ExecModel **exec = reallocarray(config->exec, n + 1, sizeof(ExecModel *));
        if (!exec)
                return error_origin(-ENOMEM);
        config->exec = exec;
        int r = config_registry_model(config, name, n_told, &exec[n]);
        if (!r)
                config->n_exec++;
        return r;
}

static int check_registry(const Config *config, char *why, size_t size) {
        if (!config->registry_app) {
                (void) snprintf(why, size, "'app' is missing");
                return CONFIG_E_INVALID;
        }
        if (access(config->registry_bridge, R_OK) < 0) { /* a part of this program itself */
                (void) snprintf(why, size, "bridge '%.200s': %s", config->registry_bridge,
                                strerror(errno));
                return CONFIG_E_INVALID;
        }
        return 0;
}

int config_hook_model(const Config *config, ExecModel **ret) {
        _cleanup_(exec_model_freep) ExecModel *model = NULL;
        char why[160], timeout[32];

        config_format_duration(config->hook_usec, timeout, sizeof(timeout));
        int r = exec_model_new("Hooks.Failed", &model, why, sizeof(why));
        if (!r)
                r = exec_model_set_command(model, config->hook_failed);
        if (!r)
                r = exec_model_set_timeout(model, config->hook_usec, timeout);
        if (r)
                return error_fold(r);
        exec_model_set_kill_after(model, CONFIG_HOOK_KILL_USEC);
        *ret = TAKE_PTR(model);
        return 0;
}

/* As complete_program(): a hook that is not there keeps nothing from running. */
static int complete_hook(Config *config, char *why, size_t size) {
        _cleanup_(exec_model_freep) ExecModel *model = NULL;

        if (!config->hook_failed) {
                (void) snprintf(why, size, "'failed' is missing");
                return CONFIG_E_INVALID;
        }
        int r = config_hook_model(config, &model);
        if (r || !exec_model_check(model, why, size))
                return r;
        config->hook_missing = strdup(why);
        return config->hook_missing ? 0 : error_origin(-ENOMEM);
}

int config_section_complete(Config *config, ConfigSection section, char *why, size_t size) {
        size_t last = config->n_exec - 1;

        switch (section) {
        case CONFIG_REGISTRY:
                return check_registry(config, why, size);
        case CONFIG_HOOKS:
                return complete_hook(config, why, size);
        case CONFIG_EXEC:
                return complete_program(&config->programs[last], config->exec[last], why, size);
        default:
                return 0;
        }
}

const ConfigProgram *config_program_find(const Config *config, const char *name) {
        for (size_t i = 0; i < config->n_exec; i++)
                if (!strcmp(config->programs[i].name, name))
                        return &config->programs[i];
        return NULL;
}

int config_missing(const Config *config, size_t nth, char *words, size_t size) {
        for (size_t i = 0; i < config->n_exec; i++)
                if (exec_model_missing(config->exec[i]) && !nth--) {
                        (void) snprintf(words, size, "[exec \"%s\"]: %s",
                                        exec_model_name(config->exec[i]),
                                        exec_model_missing(config->exec[i]));
                        return 1;
                }
        if (!config->hook_missing || nth)
                return 0;
        (void) snprintf(words, size, "[hooks]: %s", config->hook_missing);
        return 1;
}

static int is_missing_in(const Config *config, const char *words) {
        char other[CONFIG_MISSING_SIZE];

        for (size_t i = 0; config_missing(config, i, other, sizeof(other)); i++)
                if (!strncmp(words, other, strcspn(words, ":") + 1))
                        return 1;
        return 0;
}

int config_newly_missing(const Config *running, const Config *next, char *words, size_t size) {
        for (size_t i = 0; config_missing(next, i, words, size); i++)
                if (!is_missing_in(running, words))
                        return 1;
        return 0;
}
