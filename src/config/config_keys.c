/*
 * The table. A new key is a row here, a field in config.h and a paragraph in registry-jobd.conf.5;
 * tests/lint/check-manual compares the page with the rows.
 */
#include "config/config_keys.h"

#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "config/config_value.h"
#include "util/error.h"

#define SEC ((int64_t) USEC_PER_SEC)
#define HOUR (3600 * SEC)
#define DAY (24 * HOUR)
#define TIB ((int64_t) 1 << 40)

const ConfigSectionRow config_sections[_CONFIG_SECTION_MAX] = {
        [CONFIG_DATABASE] = {"database", CONFIG_HEADING_PLAIN, "[database]"},
        [CONFIG_POOL] = {"pool", CONFIG_HEADING_PLAIN, "[pool]"},
        [CONFIG_TIMERS] = {"timers", CONFIG_HEADING_PLAIN, "[timers]"},
        [CONFIG_LIMITS] = {"limits", CONFIG_HEADING_PLAIN | CONFIG_HEADING_NAMED,
                           "[limits], [limits \"Plugin\"] or [limits \"Plugin.Model\"]"},
        [CONFIG_QUARANTINE] = {"quarantine", CONFIG_HEADING_PLAIN | CONFIG_HEADING_NAMED,
                               "[quarantine], [quarantine \"Plugin\"] or [quarantine "
                               "\"Plugin.Model\"]"},
        [CONFIG_PLUGINS] = {"plugins", CONFIG_HEADING_PLAIN, "[plugins]"},
        [CONFIG_REGISTRY] = {"registry", CONFIG_HEADING_PLAIN, "[registry]"},
        [CONFIG_HOOKS] = {"hooks", CONFIG_HEADING_PLAIN, "[hooks]"},
        [CONFIG_LOG] = {"log", CONFIG_HEADING_PLAIN, "[log]"},
        [CONFIG_EXEC] = {"exec", CONFIG_HEADING_NAMED, "[exec \"Plugin.Model\"]"},
};

static const ConfigWord levels[] = {
        {"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
        {"info", LOG_INFO}, {"debug", LOG_DEBUG},     {NULL, 0},
};
static const ConfigWord signals[] = {
        {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},   {"QUIT", SIGQUIT},
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"KILL", SIGKILL}, {NULL, 0},
};
static const ConfigWord unknown[] = {{"wait", 0}, {"fail", 1}, {NULL, 0}};
static const ConfigWord on_failure[] = {{"continue", 0}, {"hold", 1}, {NULL, 0}};
static const ConfigWord any[] = {{"any", 1}, {NULL, 0}};

#define KEY(of, in, field, what) \
        .section = CONFIG_##of, .type = CONFIG_##what, .offset = offsetof(in, field)
#define DATABASE(field, what) KEY(DATABASE, Config, field, what)
#define POOL(field, what) KEY(POOL, Config, field, what)
#define TIMER(field) KEY(TIMERS, Config, field, DURATION)
#define LIMIT(field, what, bit) \
        KEY(LIMITS, Limits, field, what), .limit = LIMIT_##bit, .reach = CONFIG_NEXT_WORKER
#define QUARANTINE(field, what, bit) \
        KEY(QUARANTINE, Quarantine, field, what), .limit = LIMIT_##bit, .reach = CONFIG_AT_ONCE
#define PLUGINS(field, what) KEY(PLUGINS, Config, field, what)
#define REGISTRY(field, what) KEY(REGISTRY, Config, field, what), .reach = CONFIG_NEXT_WORKER
#define HOOKS(field, what) KEY(HOOKS, Config, field, what), .reach = CONFIG_AT_ONCE
#define EXEC(field, what) KEY(EXEC, ConfigProgram, field, what), .reach = CONFIG_NEXT_WORKER
#define OTHERWISE(text) .otherwise = (text)
#define RANGE(from, to) .min = (from), .max = (to)
#define AT_ONCE .reach = CONFIG_AT_ONCE
#define NEXT_WORKER .reach = CONFIG_NEXT_WORKER
#define RESTART .reach = CONFIG_RESTART

/* In the order in which the manual has them and config_print() prints them. */
const ConfigKey config_keys[] = {
        {.name = "conninfo", DATABASE(conninfo, CONNINFO), OTHERWISE(""), RESTART},
        {.name = "timezone", DATABASE(timezone, ZONE), OTHERWISE(""), RESTART},
        {.name = "listen", DATABASE(is_listening, BOOL), OTHERWISE("yes"), RESTART},

        {.name = "workers", POOL(workers, INT), RANGE(1, 256), OTHERWISE("4"), AT_ONCE},
        {.name = "max_jobs_per_turn",
         POOL(max_jobs_per_turn, INT),
         RANGE(1, 1000000),
         OTHERWISE("100"),
         AT_ONCE},
        {.name = "max_turn_time",
         POOL(max_turn_usec, DURATION),
         RANGE(SEC / 10, DAY),
         OTHERWISE("10s"),
         AT_ONCE},
        {.name = "max_jobs_per_worker",
         POOL(max_jobs_per_worker, INT),
         RANGE(1, 100000000),
         OTHERWISE("10000"),
         AT_ONCE},
        {.name = "idle_timeout",
         POOL(idle_usec, DURATION),
         RANGE(SEC, DAY),
         OTHERWISE("1min"),
         AT_ONCE},
        {.name = "core_dumps", POOL(has_core_dumps, BOOL), OTHERWISE("no"), NEXT_WORKER},

        {.name = "sweep", TIMER(sweep_usec), RANGE(SEC, HOUR), OTHERWISE("10s"), AT_ONCE},
        {.name = "cancel_poll",
         TIMER(cancel_poll_usec),
         RANGE(SEC, HOUR),
         OTHERWISE("5s"),
         AT_ONCE},
        {.name = "heartbeat",
         TIMER(heartbeat_usec),
         RANGE(SEC, HOUR / 6),
         OTHERWISE("5s"),
         AT_ONCE},
        {.name = "lease", TIMER(lease_usec), RANGE(3 * SEC, HOUR), OTHERWISE("30s"), RESTART},
        {.name = "start_timeout", TIMER(start_usec), RANGE(SEC, HOUR), OTHERWISE("30s"), AT_ONCE},
        {.name = "stop_timeout", TIMER(stop_usec), RANGE(0, DAY), OTHERWISE("1min"), AT_ONCE},
        {.name = "cancel_grace", TIMER(cancel_grace_usec), RANGE(0, DAY), OTHERWISE("0"), AT_ONCE},
        {.name = "stall", TIMER(stall_usec), RANGE(0, 30 * DAY), OTHERWISE("10min"), AT_ONCE},

        {.name = "memory", LIMIT(memory_bytes, SIZE, MEMORY), RANGE(0, TIB), OTHERWISE("0")},
        {.name = "cpu_time",
         LIMIT(cpu_usec, DURATION, CPU_TIME),
         RANGE(0, 30 * DAY),
         OTHERWISE("0")},
        {.name = "run_time",
         LIMIT(run_usec, DURATION, RUN_TIME),
         RANGE(0, 365 * DAY),
         OTHERWISE("0")},
        {.name = "open_files",
         LIMIT(open_files, INT, OPEN_FILES),
         RANGE(0, 1000000),
         OTHERWISE("0")},
        {.name = "tasks", LIMIT(tasks, INT, TASKS), RANGE(0, 1000000), OTHERWISE("0")},

        {.name = "failures", QUARANTINE(failures, INT, FAILURES), RANGE(0, 1000), OTHERWISE("0")},
        {.name = "on_failure",
         QUARANTINE(holds_on_failure, WORD, ON_FAILURE),
         .words = on_failure,
         OTHERWISE("continue")},

        {.name = "directory",
         PLUGINS(plugin_directory, TEXT),
         OTHERWISE(RJ_PLUGIN_DIR),
         NEXT_WORKER},
        {.name = "load", PLUGINS(load_text, LIST), OTHERWISE(""), NEXT_WORKER},
        {.name = "unknown_models",
         PLUGINS(fails_unknown, WORD),
         .words = unknown,
         OTHERWISE("wait"),
         AT_ONCE},

        {.name = "app", REGISTRY(registry_app, PATH)},
        {.name = "php", REGISTRY(registry_php, PATH), OTHERWISE("/usr/bin/php")},
        {.name = "bridge", REGISTRY(registry_bridge, PATH), OTHERWISE(RJ_BRIDGE)},
        {.name = "models", REGISTRY(registry_models, LIST), OTHERWISE("")},
        {.name = "start_timeout",
         REGISTRY(registry_start_usec, DURATION),
         RANGE(SEC, HOUR),
         OTHERWISE("30s")},
        {.name = "environment", REGISTRY(registry_variables, VARIABLE)},

        {.name = "failed", HOOKS(hook_failed, COMMAND)},
        {.name = "timeout",
         HOOKS(hook_usec, DURATION),
         RANGE(SEC / 10, HOUR / 12),
         OTHERWISE("10s")},

        {.name = "level",
         KEY(LOG, Config, log_level, WORD),
         .words = levels,
         OTHERWISE("info"),
         NEXT_WORKER},

        {.name = "command", EXEC(command, COMMAND)},
        {.name = "directory", EXEC(directory, PATH), OTHERWISE("/")},
        {.name = "timeout", EXEC(timeout_usec, DURATION), RANGE(0, 365 * DAY), OTHERWISE("0")},
        {.name = "kill_after", EXEC(kill_after_usec, DURATION), RANGE(0, HOUR), OTHERWISE("10s")},
        {.name = "cancel_signal",
         EXEC(cancel_signal, WORD),
         .words = signals,
         .prefix = "SIG",
         OTHERWISE("TERM")},
        {.name = "resident", EXEC(is_resident, BOOL), OTHERWISE("no")},
        {.name = "start_timeout", EXEC(start_usec, DURATION), RANGE(SEC, HOUR), OTHERWISE("30s")},
        {.name = "parameter", EXEC(parameters, PARAMETER)},
        {.name = "parameters", EXEC(has_any_parameters, WORD), .words = any},
        {.name = "environment", EXEC(variables, VARIABLE)},
};
const size_t config_n_keys = ARRAY_SIZE(config_keys);

_Static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX is enough");

int config_key_is_named(const ConfigKey *key) {
        return key->type == CONFIG_PARAMETER || key->type == CONFIG_VARIABLE;
}

const ConfigKey *config_key_find(ConfigSection section, const char *written,
                                 const char **ret_name) {
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                size_t n = strlen(key->name);
                int is_named = config_key_is_named(key);

                if (key->section != section || strncmp(written, key->name, n) ||
                    written[n] != (is_named ? '.' : '\0'))
                        continue;
                *ret_name = is_named ? written + n + 1 : NULL;
                return key;
        }
        return NULL;
}

void *config_block(const Config *config, ConfigSection section) {
        return section == CONFIG_LIMITS       ? (void *) &config->limits.general
               : section == CONFIG_QUARANTINE ? (void *) &config->limits.quarantine
                                              : (void *) config;
}

void *config_field(const void *block, const ConfigKey *key) {
        return (char *) block + key->offset;
}

int config_set_defaults(ConfigSection section, void *block) {
        char ignored[256];

        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                if (key->section != section || !key->otherwise)
                        continue;
                int r = config_value_parse(key, config_field(block, key), NULL, key->otherwise,
                                           ignored, sizeof(ignored));
                if (r)
                        return error_fold(r);
        }
        return 0;
}

void config_free_fields(ConfigSection section, void *block) {
        for (size_t i = 0; i < config_n_keys; i++)
                if (config_keys[i].section == section)
                        config_value_free(&config_keys[i], config_field(block, &config_keys[i]));
}
