/* The configuration file: a table of keys, each with a default, a unit and a range. */
#pragma once

#include "core/limit.h"
#include "exec/exec_model.h"
#include "util/clock.h"
#include "util/macro.h"
#include "util/problems.h"

typedef struct Config {
        /* [database] */
        char *conninfo;
        int is_listening; /* 0: polls only, for a pooler that cannot LISTEN */
        /* [pool] */
        int64_t workers;
        int64_t max_jobs_per_turn;
        usec_t max_turn_usec;
        int64_t max_jobs_per_worker;
        usec_t idle_usec;
        /* [timers] */
        usec_t sweep_usec;
        usec_t cancel_poll_usec;
        usec_t heartbeat_usec;
        usec_t lease_usec;
        usec_t start_usec; /* a worker must be ready within this time */
        usec_t stop_usec;
        usec_t cancel_grace_usec;
        usec_t stall_usec; /* without a sign of life; 0: never told */
        /* [limits], [limits "Plugin"], [limits "Plugin.Model"] */
        LimitTable limits;
        /* [plugins] */
        char *plugin_directory;
        char *load_text;
        char **load; /* NULL-terminated; n_load of them */
        size_t n_load;
        /* [log] */
        char *log_level_text;
        int log_level;
        /* [exec "Plugin.Model"] */
        ExecModel **exec;
        size_t n_exec;
        char *exec_text; /* all of their lines, or NULL */
} Config;

#define CONFIG_E_INVALID 1

/* All defaults. */
int config_new(Config **ret);

/*
 * Reads a file over the defaults. Returns 0, CONFIG_E_INVALID with the problems, each beginning
 * with "FILE:LINE: ", or -errno (-ENOENT and the like with a problem that says so).
 */
int config_read(const char *path, Config **ret, Problems *problems);

Config *config_free(Config *config);
DEFINE_CLEANUP(Config, config_free)

/*
 * Takes over from `next` what can change while running. Names the keys that changed and wait for a
 * restart in `kept`, separated by commas; "" when there are none.
 */
void config_apply(Config *config, const Config *next, char *kept, size_t size);

/* Writes every key with its value, for `--check` and for the manual's test. */
void config_print(const Config *config);
