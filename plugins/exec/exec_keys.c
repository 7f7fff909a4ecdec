/* The keys of a section: a table of names, of what their values must be, and of who takes them. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/param_spec.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/macro.h"
#include "util/parse.h"
#include "util/text.h"

#define NAME_MAX_BYTES 64 /* of parameters and of environment variables */
#define TIMEOUT_MAX_USEC (365 * 86400 * USEC_PER_SEC)
#define KILL_AFTER_MAX_USEC (3600 * USEC_PER_SEC)

/* Why a line is refused. */
enum {
        SET_E_VALUE = 1, /* not what is expected */
        SET_E_NAME,      /* what follows "parameter." or "environment." */
        SET_E_TWICE,
        SET_E_EXCLUDED, /* parameters = any, and a parameter */
};

/*
 * Takes a value over: 0, SET_E_* with the model as it was, or -ENOMEM. `name` is what follows the
 * prefix.
 */
typedef int (*SetFn)(ExecModel *model, const char *name, const char *value);

typedef struct Key {
        const char *name;
        int is_prefix; /* "name.SOMETHING", as often as there are names */
        const char *expected;
        SetFn set;
} Key;

static int is_name(const char *text) {
        size_t n = 0;

        while (isalnum((unsigned char) text[n]) || text[n] == '_')
                n++;
        return n && n <= NAME_MAX_BYTES && !text[n] && !isdigit((unsigned char) *text);
}

static int set_string(char **to, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return error_origin(-ENOMEM);
        free(*to);
        *to = copy;
        return 0;
}

static int set_command(ExecModel *model, const char *name, const char *value) {
        _cleanup_(argv_freep) char **argv = NULL;

        (void) name;
        int r = argv_split(value, &argv);
        if (r)
                return r < 0 ? r : SET_E_VALUE;
        if (argv[0][0] != '/')
                return SET_E_VALUE;
        model->summary = text_format("runs %s", argv[0]);
        if (!model->summary)
                return error_origin(-ENOMEM);
        model->model.summary = model->summary;
        model->argv = TAKE_PTR(argv);
        return 0;
}

static int set_directory(ExecModel *model, const char *name, const char *value) {
        (void) name;
        return *value == '/' ? set_string(&model->directory, value) : SET_E_VALUE;
}

static int set_cancel_signal(ExecModel *model, const char *name, const char *value) {
        static const struct {
                const char *name;
                int number;
        } signals[] = {
                {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},   {"QUIT", SIGQUIT},
                {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"KILL", SIGKILL},
        };

        (void) name;
        if (!strncmp(value, "SIG", 3))
                value += 3;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (!strcmp(value, signals[i].name)) {
                        model->cancel_signal = signals[i].number;
                        return 0;
                }
        return SET_E_VALUE;
}

static int set_timeout(ExecModel *model, const char *name, const char *value) {
        (void) name;
        if (parse_duration(value, 0, TIMEOUT_MAX_USEC, &model->timeout_usec))
                return SET_E_VALUE;
        return set_string(&model->timeout, value);
}

static int set_kill_after(ExecModel *model, const char *name, const char *value) {
        (void) name;
        return parse_duration(value, 0, KILL_AFTER_MAX_USEC, &model->kill_after_usec) ? SET_E_VALUE
                                                                                      : 0;
}

static int set_parameters(ExecModel *model, const char *name, const char *value) {
        (void) name;
        if (strcmp(value, "any"))
                return SET_E_VALUE;
        if (model->n_params)
                return SET_E_EXCLUDED;
        model->model.flags |= RJ_MODEL_ANY_PARAMETERS;
        return 0;
}

static int set_parameter(ExecModel *model, const char *name, const char *value) {
        if (model->model.flags & RJ_MODEL_ANY_PARAMETERS)
                return SET_E_EXCLUDED;
        for (size_t i = 0; i < model->n_params; i++)
                if (!strcmp(model->params[i].name, name))
                        return SET_E_TWICE;

        struct rj_param_desc *params =
                reallocarray(model->params, model->n_params + 2, sizeof(*params));
        if (!params)
                return error_origin(-ENOMEM);

        model->params = params;
        model->model.params = params;
        int r = param_spec_parse(name, value, &params[model->n_params]);
        if (!r)
                model->n_params++;
        params[model->n_params] = (struct rj_param_desc){0};
        return r > 0 ? SET_E_VALUE : r;
}

static int set_environment(ExecModel *model, const char *name, const char *value) {
        size_t length = strlen(name);

        if (environment_is_reserved(name))
                return SET_E_NAME;
        for (size_t i = 0; i < model->n_environment; i++)
                if (!strncmp(model->environment[i], name, length) &&
                    model->environment[i][length] == '=')
                        return SET_E_TWICE;

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

static const Key keys[] = {
        {"command", 0, "an absolute path and its arguments, with quotation marks in pairs",
         set_command},
        {"directory", 0, "an absolute path", set_directory},
        {"cancel_signal", 0, "TERM, INT, HUP, QUIT, USR1, USR2 or KILL", set_cancel_signal},
        {"timeout", 0, "an interval such as 90s, 5min or 1h, up to 365d; 0 for none", set_timeout},
        {"kill_after", 0, "an interval such as 10s, up to 1h", set_kill_after},
        {"parameters", 0, "'any'", set_parameters},
        {"parameter", 1, PARAM_SPEC_ACCEPTED, set_parameter},
        {"environment", 1, "text", set_environment},
};

/* The row of `key`; *ret_name is what follows a prefix. */
static const Key *find_key(const char *key, const char **ret_name) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                size_t n = strlen(keys[i].name);
                if (strncmp(key, keys[i].name, n) || key[n] != (keys[i].is_prefix ? '.' : '\0'))
                        continue;
                *ret_name = keys[i].is_prefix ? key + n + 1 : NULL;
                return &keys[i];
        }
        return NULL;
}

static int unknown_key(const char *key, char *why, size_t size) {
        (void) snprintf(why, size, "unknown key '%.64s', known are:", key);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                (void) text_append(why, size, "%s %s%s", i ? "," : "", keys[i].name,
                                   keys[i].is_prefix ? ".NAME" : "");
        return EXEC_MODEL_E_INVALID;
}

static void explain(int code, const Key *key, const char *given, const char *value, char *why,
                    size_t size) {
        switch (code) {
        case SET_E_NAME:
                (void) snprintf(why, size,
                                "'%.80s': its name must be of letters, digits and "
                                "underscores, at most %d%s",
                                given, NAME_MAX_BYTES,
                                key->set == set_environment ? ", and not begin with REGISTRY_"
                                                            : "");
                break;
        case SET_E_TWICE:
                (void) snprintf(why, size, "'%.80s' is given twice, the second time as '%.64s'",
                                given, value);
                break;
        case SET_E_EXCLUDED:
                (void) snprintf(why, size,
                                "'%.80s = %.64s': 'parameters = any' and 'parameter.NAME' exclude "
                                "each other",
                                given, value);
                break;
        default:
                (void) snprintf(why, size, "'%.80s = %.64s': must be %s", given, value,
                                key->expected);
        }
}

int exec_model_set(ExecModel *model, const char *key, const char *value, char *why, size_t size) {
        const char *name = NULL;
        const Key *row = find_key(key, &name);
        if (!row)
                return unknown_key(key, why, size);

        uint32_t bit = row->is_prefix ? 0 : 1u << (row - keys);
        int r = model->given & bit       ? SET_E_TWICE
                : name && !is_name(name) ? SET_E_NAME
                                         : row->set(model, name, value);
        if (!r)
                model->given |= bit;
        if (r <= 0)
                return r;
        explain(r, row, key, value, why, size);
        return EXEC_MODEL_E_INVALID;
}
