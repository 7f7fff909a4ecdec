#include "supervisor/config_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/conninfo.h"
#include "util/error.h"
#include "util/parse.h"

#define SEC ((int64_t) USEC_PER_SEC)
#define DAY (86400 * SEC)
#define TIB ((int64_t) 1 << 40)
#define AT(field) offsetof(Config, field)

const Key config_keys[] = {
        {"database", "conninfo", KEY_CONNINFO, AT(conninfo), "", 0, 0, 0, 0},
        {"database", "listen", KEY_BOOL, AT(is_listening), "yes", 0, 1, 0, 0},
        {"pool", "workers", KEY_INT, AT(workers), "4", 1, 256, 1, 0},
        {"pool", "max_jobs_per_turn", KEY_INT, AT(max_jobs_per_turn), "100", 1, 1000000, 1, 0},
        {"pool", "max_turn_time", KEY_DURATION, AT(max_turn_usec), "10s", SEC / 10, DAY, 1, 0},
        {"pool", "max_jobs_per_worker", KEY_INT, AT(max_jobs_per_worker), "10000", 1, 100000000, 1,
         0},
        {"pool", "idle_timeout", KEY_DURATION, AT(idle_usec), "1min", SEC, DAY, 1, 0},
        {"timers", "sweep", KEY_DURATION, AT(sweep_usec), "10s", SEC, 3600 * SEC, 1, 0},
        {"timers", "cancel_poll", KEY_DURATION, AT(cancel_poll_usec), "5s", SEC, 3600 * SEC, 1, 0},
        {"timers", "heartbeat", KEY_DURATION, AT(heartbeat_usec), "5s", SEC, 600 * SEC, 1, 0},
        {"timers", "lease", KEY_DURATION, AT(lease_usec), "30s", 3 * SEC, 3600 * SEC, 0, 0},
        {"timers", "start_timeout", KEY_DURATION, AT(start_usec), "30s", SEC, 3600 * SEC, 1, 0},
        {"timers", "stop_timeout", KEY_DURATION, AT(stop_usec), "1min", 0, DAY, 1, 0},
        {"timers", "cancel_grace", KEY_DURATION, AT(cancel_grace_usec), "0", 0, DAY, 1, 0},
        {"timers", "stall", KEY_DURATION, AT(stall_usec), "10min", 0, 30 * DAY, 1, 0},
        {"limits", "memory", KEY_SIZE, AT(limits.general.memory_bytes), "0", 0, TIB, 1,
         LIMIT_MEMORY},
        {"limits", "cpu_time", KEY_DURATION, AT(limits.general.cpu_usec), "0", 0, 30 * DAY, 1,
         LIMIT_CPU_TIME},
        {"limits", "run_time", KEY_DURATION, AT(limits.general.run_usec), "0", 0, 365 * DAY, 1,
         LIMIT_RUN_TIME},
        {"limits", "open_files", KEY_INT, AT(limits.general.open_files), "0", 0, 1000000, 1,
         LIMIT_OPEN_FILES},
        {"limits", "tasks", KEY_INT, AT(limits.general.tasks), "0", 0, 1000000, 1, LIMIT_TASKS},
        {"plugins", "directory", KEY_TEXT, AT(plugin_directory), RJ_PLUGIN_DIR, 0, 0, 0, 0},
        {"plugins", "load", KEY_TEXT, AT(load_text), "", 0, 0, 0, 0},
        {"log", "level", KEY_TEXT, AT(log_level_text), "info", 0, 0, 1, 0},
};
const size_t config_n_keys = ARRAY_SIZE(config_keys);

_Static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX is enough");

int config_key_find(const char *section, const char *name) {
        for (size_t i = 0; i < config_n_keys; i++)
                if (!strcmp(config_keys[i].section, section) && !strcmp(config_keys[i].name, name))
                        return (int) i;
        return -1;
}

int config_key_has_section(const char *section) {
        for (size_t i = 0; i < config_n_keys; i++)
                if (!strcmp(config_keys[i].section, section))
                        return 1;
        return 0;
}

void *config_field(Config *config, const Key *key) {
        return (char *) config + key->offset;
}

const void *config_const_field(const Config *config, const Key *key) {
        return (const char *) config + key->offset;
}

void *config_limit_field(Limits *limits, const Key *key) {
        return (char *) limits + (key->offset - AT(limits.general));
}

int config_key_is_text(const Key *key) {
        return key->type == KEY_TEXT || key->type == KEY_CONNINFO;
}

static int set_text(char **to, const char *value) {
        char *copy = strdup(value);
        if (!copy)
                return error_origin(-ENOMEM);
        free(*to);
        *to = copy;
        return 0;
}

static int set_int(const Key *key, int64_t *to, const char *value, char *why, size_t size) {
        int r = parse_int64(value, key->min, key->max, to);
        if (r)
                (void) snprintf(why, size, "%s must be a number from %lld to %lld, not '%s'",
                                key->name, (long long) key->min, (long long) key->max, value);
        return r;
}

static int set_duration(const Key *key, usec_t *to, const char *value, char *why, size_t size) {
        int r = parse_duration(value, (usec_t) key->min, (usec_t) key->max, to);
        if (r)
                (void) snprintf(why, size,
                                "%s must be a time such as 500ms, 10s, 5min or 1h, from %g to %g "
                                "seconds, not '%s'",
                                key->name, (double) key->min / SEC, (double) key->max / SEC, value);
        return r;
}

static int set_size(const Key *key, uint64_t *to, const char *value, char *why, size_t size) {
        int r = parse_size(value, (uint64_t) key->min, (uint64_t) key->max, to);
        if (r)
                (void) snprintf(why, size,
                                "%s must be a size such as 64M or 2G, up to %lldG, not '%s'",
                                key->name, (long long) (key->max >> 30), value);
        return r;
}

static int set_conninfo(char **to, const char *value, char *why, size_t size) {
        char reason[400];
        int r = conninfo_check(value, reason, sizeof(reason));
        if (r > 0)
                (void) snprintf(why, size, "conninfo: %s", reason);
        return r > 0 ? PARSE_E_INVALID : r < 0 ? r : set_text(to, value);
}

int config_key_set(const Key *key, void *field, const char *value, char *why, size_t size) {
        int r;

        switch (key->type) {
        case KEY_CONNINFO:
                return set_conninfo(field, value, why, size);
        case KEY_INT:
                return set_int(key, field, value, why, size);
        case KEY_DURATION:
                return set_duration(key, field, value, why, size);
        case KEY_SIZE:
                return set_size(key, field, value, why, size);
        case KEY_BOOL:
                r = parse_bool(value, field);
                if (r)
                        (void) snprintf(why, size, "%s must be yes or no, not '%s'", key->name,
                                        value);
                return r;
        default:
                return set_text(field, value);
        }
}

int config_key_is_equal(const Key *key, const void *a, const void *b) {
        switch (key->type) {
        case KEY_TEXT:
        case KEY_CONNINFO:
                return !strcmp(*(char *const *) a, *(char *const *) b);
        case KEY_BOOL:
                return *(const int *) a == *(const int *) b;
        default:
                return !memcmp(a, b, sizeof(uint64_t));
        }
}

int config_key_copy(const Key *key, void *to, const void *from) {
        if (config_key_is_text(key))
                return set_text(to, *(char *const *) from);
        memcpy(to, from, key->type == KEY_BOOL ? sizeof(int) : sizeof(uint64_t));
        return 0;
}

static void print_duration(const char *name, usec_t usec) {
        int is_whole = usec % USEC_PER_SEC == 0;
        (void) printf("%s = %llu%s\n", name,
                      (unsigned long long) (usec / (is_whole ? USEC_PER_SEC : USEC_PER_MSEC)),
                      is_whole ? "s" : "ms");
}

static void print_size(const char *name, uint64_t bytes) {
        static const char *const units[] = {"", "K", "M", "G"};
        size_t unit = 0;

        while (bytes && bytes % 1024 == 0 && unit + 1 < ARRAY_SIZE(units)) {
                bytes /= 1024;
                unit++;
        }
        (void) printf("%s = %llu%s\n", name, (unsigned long long) bytes, units[unit]);
}

static void print_conninfo(const char *name, const char *conninfo) {
        _cleanup_(freep) char *shown = conninfo_printable(conninfo);
        (void) printf("%s = %s\n", name, shown ? shown : "");
}

void config_key_print(const Key *key, const void *field) {
        switch (key->type) {
        case KEY_CONNINFO:
                print_conninfo(key->name, *(char *const *) field);
                break;
        case KEY_TEXT:
                (void) printf("%s = %s\n", key->name, *(char *const *) field);
                break;
        case KEY_BOOL:
                (void) printf("%s = %s\n", key->name, *(const int *) field ? "yes" : "no");
                break;
        case KEY_INT:
                (void) printf("%s = %lld\n", key->name, (long long) *(const int64_t *) field);
                break;
        case KEY_SIZE:
                print_size(key->name, *(const uint64_t *) field);
                break;
        default:
                print_duration(key->name, *(const usec_t *) field);
        }
}
