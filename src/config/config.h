/*
 * The configuration file of daemon and command. Every key is one row of the table in
 * config_keys.c; this header has what the keys' values become.
 */
#pragma once

#include "core/limit.h"
#include "exec/exec_model.h"
#include "util/clock.h"
#include "util/macro.h"
#include "util/problems.h"

/* A key with a free name behind a dot, such as "parameter.NAME", once for each name. */
typedef struct ConfigNamed {
        char *name;
        char *text;
        int line; /* of the file */
} ConfigNamed;

typedef struct ConfigNamedList {
        ConfigNamed *items;
        size_t n;
} ConfigNamedList;

/* What the file says in one section [exec "Plugin.Model"]. */
typedef struct ConfigProgram {
        char name[EXEC_MODEL_NAME_MAX + 1];
        char *command;
        char *directory;
        int cancel_signal;
        usec_t timeout_usec;
        usec_t kill_after_usec;
        int is_resident;
        usec_t start_usec; /* a resident program must be ready within this time */
        int has_any_parameters;
        ConfigNamedList parameters;
        ConfigNamedList variables;
} ConfigProgram;

typedef struct Config {
        /* [database] */
        char *conninfo;
        char *timezone;   /* of the Registry's times; "": as the schema has it */
        int is_listening; /* 0: polls only, for a pooler that cannot LISTEN */
        /* [pool] */
        int64_t workers;
        int64_t max_jobs_per_turn;
        usec_t max_turn_usec;
        int64_t max_jobs_per_worker;
        usec_t idle_usec;
        int has_core_dumps; /* a process of ours that crashes may leave one */
        /* [timers] */
        usec_t sweep_usec;
        usec_t cancel_poll_usec;
        usec_t heartbeat_usec;
        usec_t lease_usec;
        usec_t start_usec; /* a worker must be ready within this time */
        usec_t stop_usec;
        usec_t cancel_grace_usec;
        usec_t stall_usec; /* a job without a sign of life for so long is reported; 0: none is */
        /* [limits] and [quarantine], for all, for a plugin and for a model */
        LimitTable limits;
        /* [plugins] */
        char *plugin_directory;
        char *load_text;
        char **load; /* the words of load_text, ended by NULL; n_load of them */
        size_t n_load;
        int fails_unknown; /* a job of a model that is not here is Failed, and does not wait */
        /* [registry] */
        char *registry_app; /* NULL: its models do not run here */
        char *registry_php;
        char *registry_bridge;
        char *registry_models; /* words; none: all that it has */
        usec_t registry_start_usec;
        ConfigNamedList registry_variables;
        /* [hooks] */
        char *hook_failed;  /* a command that is told of jobs that failed for good; NULL: none */
        usec_t hook_usec;   /* so long may it run */
        char *hook_missing; /* why it cannot be run; NULL: it can */
        /* [log] */
        int log_level;
        /* [exec "Plugin.Model"]: programs[i] is what the file says, exec[i] the model made of it */
        ConfigProgram *programs;
        ExecModel **exec;
        size_t n_exec;
} Config;

#define CONFIG_E_INVALID 1

/* Makes a configuration of defaults, as an empty file gives it. Returns 0 or -errno. */
int config_new(Config **ret);

/*
 * Reads a whole file. Returns 0 with a configuration that is the caller's. A file with anything
 * wrong in it gives no configuration, but CONFIG_E_INVALID and all of its problems, each beginning
 * with "FILE:LINE: "; a file that cannot be read gives -errno and a problem that says so. A program
 * of [exec] that is not there is nothing wrong with the file: exec_model_missing().
 */
int config_read(const char *path, Config **ret, Problems *problems);

/*
 * As config_read(), for programs that only look at the database: a file that says `conninfo`, and
 * has nothing wrong in [database], gives a configuration without models (config_forget_models()) in
 * spite of its other problems, and 0.
 */
int config_read_lenient(const char *path, Config **ret, Problems *problems);

/* Leaves the configuration without plugins, programs and Registry. */
void config_forget_models(Config *config);

Config *config_free(Config *config);
DEFINE_CLEANUP(Config, config_free)

/*
 * Applies a reload: `config` gets those values of `next` that a reload reaches, `next` gets the old
 * ones in exchange and is to be freed. Cannot fail. `kept_text` gets the names of the keys that
 * were changed and wait for a restart, separated by commas; "" when there are none.
 */
void config_apply(Config *config, Config *next, char *kept_text, size_t size);

/*
 * Prints every key with its value to standard output, as a file that config_read() takes. Passwords
 * of the connection string and values of environment variables are printed as "***".
 */
void config_print(const Config *config);
