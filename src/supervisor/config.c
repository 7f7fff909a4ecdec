#include "supervisor/config.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "util/argv.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

#define LINE_BYTES 8192

typedef enum KeyType {
        KEY_TEXT,
        KEY_INT,
        KEY_DURATION,
} KeyType;

typedef struct Key {
        const char *section;
        const char *name;
        KeyType type;
        size_t offset;
        const char *otherwise;
        int64_t min, max; /* KEY_DURATION: microseconds */
        int is_reloaded;
} Key;

#define SEC ((int64_t) USEC_PER_SEC)
#define AT(field) offsetof(Config, field)

static const Key keys[] = {
        {"database", "conninfo", KEY_TEXT, AT(conninfo), "", 0, 0, 0},
        {"pool", "workers", KEY_INT, AT(workers), "4", 1, 256, 1},
        {"pool", "max_jobs_per_turn", KEY_INT, AT(max_jobs_per_turn), "100", 1, 1000000, 1},
        {"pool", "max_turn_time", KEY_DURATION, AT(max_turn_usec), "10s", SEC / 10, 86400 * SEC, 1},
        {"pool", "max_jobs_per_worker", KEY_INT, AT(max_jobs_per_worker), "10000", 1, 100000000, 1},
        {"pool", "idle_timeout", KEY_DURATION, AT(idle_usec), "1min", SEC, 86400 * SEC, 1},
        {"timers", "sweep", KEY_DURATION, AT(sweep_usec), "10s", SEC, 3600 * SEC, 1},
        {"timers", "cancel_poll", KEY_DURATION, AT(cancel_poll_usec), "5s", SEC, 3600 * SEC, 1},
        {"timers", "heartbeat", KEY_DURATION, AT(heartbeat_usec), "10s", SEC, 600 * SEC, 1},
        {"timers", "lease", KEY_DURATION, AT(lease_usec), "30s", 3 * SEC, 3600 * SEC, 0},
        {"timers", "stop_timeout", KEY_DURATION, AT(stop_usec), "1min", 0, 86400 * SEC, 1},
        {"timers", "cancel_grace", KEY_DURATION, AT(cancel_grace_usec), "0", 0, 86400 * SEC, 1},
        {"plugins", "directory", KEY_TEXT, AT(plugin_directory), RJ_PLUGIN_DIR, 0, 0, 0},
        {"plugins", "load", KEY_TEXT, AT(load_text), "", 0, 0, 0},
        {"log", "level", KEY_TEXT, AT(log_level_text), "info", 0, 0, 1},
};

static const struct {
        const char *name;
        int level;
} levels[] = {{"error", LOG_ERR},
              {"warning", LOG_WARNING},
              {"notice", LOG_NOTICE},
              {"info", LOG_INFO},
              {"debug", LOG_DEBUG}};

/* One reading of one file. */
typedef struct Reader {
        FILE *file;
        const char *path;
        int line;
        char section[256]; /* whole: inih cuts at 49 characters */
        int is_in_line;    /* the last piece read did not end its line */
        int is_too_long;   /* the first line that did not fit */
        Config *config;
        Problems *problems;
        unsigned char is_given[ARRAY_SIZE(keys)];
        int is_at_end;
        int error; /* -errno */
} Reader;

static void *field(Config *config, const Key *key) {
        return (char *) config + key->offset;
}

static const void *const_field(const Config *config, const Key *key) {
        return (const char *) config + key->offset;
}

static int set_text(char **to, const char *value) {
        char *copy = strdup(value);
        if (!copy)
                return error_origin(-ENOMEM);
        free(*to);
        *to = copy;
        return 0;
}

/* Returns 0, -ENOMEM, or PARSE_E_* with the reason in `why`. */
static int set_key(Config *config, const Key *key, const char *value, char *why, size_t size) {
        int64_t number = 0;
        usec_t usec = 0;
        int r;

        switch (key->type) {
        case KEY_INT:
                r = parse_int64(value, key->min, key->max, &number);
                if (!r)
                        *(int64_t *) field(config, key) = number;
                else
                        (void) snprintf(
                                why, size, "%s must be a number from %lld to %lld, not '%s'",
                                key->name, (long long) key->min, (long long) key->max, value);
                return r;
        case KEY_DURATION:
                r = parse_duration(value, (usec_t) key->min, (usec_t) key->max, &usec);
                if (!r)
                        *(usec_t *) field(config, key) = usec;
                else
                        (void) snprintf(why, size,
                                        "%s must be a time such as 500ms, 10s, 5min or 1h, from %g "
                                        "to %g seconds, not '%s'",
                                        key->name, (double) key->min / SEC, (double) key->max / SEC,
                                        value);
                return r;
        default:
                return set_text(field(config, key), value);
        }
}

Config *config_free(Config *config) {
        if (config) {
                for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                        if (keys[i].type == KEY_TEXT)
                                free(*(char **) field(config, &keys[i]));
                (void) argv_free(config->load);
                for (size_t i = 0; i < config->n_exec; i++)
                        (void) exec_model_free(config->exec[i]);
                free(config->exec);
                free(config->exec_text);
                free(config);
        }
        return NULL;
}

/* What follows from the texts. Problems name `where`. */
static int derive(Config *config, const char *where, Problems *problems) {
        config->log_level = -1;
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (!strcmp(config->log_level_text, levels[i].name))
                        config->log_level = levels[i].level;
        if (config->log_level < 0)
                problems_add(problems,
                             "%s: level must be error, warning, notice, info or debug, "
                             "not '%s'",
                             where, config->log_level_text);
        if (config->lease_usec < 3 * config->heartbeat_usec)
                problems_add(problems, "%s: lease must be at least three times heartbeat", where);

        for (char *p = config->load_text; *p; p++)
                if (*p == ',')
                        *p = ' ';
        int r = argv_split(config->load_text, &config->load);
        if (r == ARGV_E_QUOTE)
                problems_add(problems, "%s: load has a quotation mark without its other half",
                             where);
        while (!r && config->load[config->n_load])
                config->n_load++;
        return r < 0 ? r : 0;
}

static int new_defaults(Config **ret) {
        char ignored[256];
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(*config));
        if (!config)
                return error_origin(-ENOMEM);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                int r = set_key(config, &keys[i], keys[i].otherwise, ignored, sizeof(ignored));
                if (r)
                        return error_fold(r);
        }
        *ret = TAKE_PTR(config);
        return 0;
}

int config_new(Config **ret) {
        _cleanup_(config_freep) Config *config = NULL;
        Problems problems = {0};
        int r = new_defaults(&config);
        if (!r)
                r = derive(config, "defaults", &problems);
        if (!r)
                *ret = TAKE_PTR(config);
        return r;
}

static void note_section(Reader *reader, const char *name) {
        (void) snprintf(reader->section, sizeof(reader->section), "%.*s",
                        (int) strcspn(name, "]\n"), name);
}

static char *read_line(char *buffer, int size, void *stream) {
        Reader *reader = stream;
        char *line = fgets(buffer, size, reader->file);
        if (!line)
                return NULL;
        if (!reader->is_in_line)
                reader->line++;
        if (!reader->is_in_line && line[strspn(line, " \t")] == '[')
                note_section(reader, strchr(line, '[') + 1);
        reader->is_in_line = !strchr(line, '\n');
        if (reader->is_in_line && !feof(reader->file) && !reader->is_too_long)
                reader->is_too_long = reader->line;
        return line;
}

/* What follows from a line that was cut in pieces would only confuse. */
static void problem_at(Reader *reader, const char *why) {
        if (reader->is_too_long && !reader->is_at_end)
                return;
        problems_add(reader->problems, "%s:%d: %s", reader->path, reader->line, why);
}

/* The model of `exec "NAME"`, new when it was not met before. NULL: reader->error or a problem. */
static ExecModel *exec_of(Reader *reader, const char *section) {
        Config *config = reader->config;
        char name[128], why[512];
        size_t n = strlen(section);

        if (n < 8 || section[5] != '"' || section[n - 1] != '"' || n - 7 >= sizeof(name)) {
                problem_at(reader, "a section for a program is [exec \"Plugin.Model\"]");
                return NULL;
        }
        (void) snprintf(name, sizeof(name), "%.*s", (int) (n - 7), section + 6);
        for (size_t i = 0; i < config->n_exec; i++)
                if (!strcmp(exec_model_name(config->exec[i]), name))
                        return config->exec[i];

        ExecModel **exec = reallocarray(config->exec, config->n_exec + 1, sizeof(*exec));
        if (!exec) {
                reader->error = -ENOMEM;
                return NULL;
        }
        config->exec = exec;
        int r = exec_model_new(name, &exec[config->n_exec], why, sizeof(why));
        if (r) {
                reader->error = MIN_OF(r, 0);
                problem_at(reader, r > 0 ? why : "out of memory");
                return NULL;
        }
        return exec[config->n_exec++];
}

/* The text of all [exec] sections, so that a reload can tell whether they changed. */
static int note_exec(Config *config, const char *section, const char *name, const char *value) {
        char *text = text_format("%s[%s]%s=%s\n", config->exec_text ? config->exec_text : "",
                                 section, name, value);
        if (!text)
                return error_origin(-ENOMEM);
        free(config->exec_text);
        config->exec_text = text;
        return 0;
}

static void take_exec(Reader *reader, const char *section, const char *name, const char *value) {
        char why[512];
        ExecModel *model = exec_of(reader, section);
        int r = model ? exec_model_set(model, name, value, why, sizeof(why)) : 0;
        if (r > 0)
                problem_at(reader, why);
        else if (!r)
                r = note_exec(reader->config, section, name, value);
        if (r < 0)
                reader->error = r;
}

static int is_known_section(const char *section) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (!strcmp(keys[i].section, section))
                        return 1;
        return 0;
}

static int take_line(void *userdata, const char *cut, const char *name, const char *value) {
        Reader *reader = userdata;
        const char *section = *cut ? reader->section : "";
        char why[512];

        if (!strncmp(section, "exec ", 5) || !strcmp(section, "exec")) {
                take_exec(reader, section, name, value);
                return 1;
        }
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (strcmp(keys[i].section, section) || strcmp(keys[i].name, name))
                        continue;
                if (reader->is_given[i]++) {
                        (void) snprintf(why, sizeof(why), "%s is given twice", name);
                        problem_at(reader, why);
                        return 1;
                }
                int r = set_key(reader->config, &keys[i], value, why, sizeof(why));
                if (r > 0)
                        problem_at(reader, why);
                else if (r < 0)
                        reader->error = r;
                return 1;
        }
        if (is_known_section(section))
                (void) snprintf(why, sizeof(why), "unknown key '%.80s' in [%s]", name, section);
        else
                (void) snprintf(why, sizeof(why), "unknown section [%.80s]", section);
        problem_at(reader, why);
        return 1;
}

static void check_exec(Reader *reader) {
        char why[512];
        for (size_t i = 0; i < reader->config->n_exec; i++)
                if (exec_model_check(reader->config->exec[i], why, sizeof(why)))
                        problems_add(reader->problems, "%s: [exec \"%s\"]: %s", reader->path,
                                     exec_model_name(reader->config->exec[i]), why);
}

static int read_file(Reader *reader) {
        ini_max_line = LINE_BYTES;
        ini_allow_multiline = false;
        ini_allow_inline_comments = false; /* ';' may stand in a password or a command */
        int bad_line = ini_parse_stream(read_line, reader, take_line, reader);
        if (ferror(reader->file))
                return error_origin(-EIO);
        reader->is_at_end = 1;
        if (reader->is_too_long) {
                reader->line = reader->is_too_long;
                problem_at(reader, "the line is too long");
        } else if (bad_line > 0) {
                reader->line = bad_line;
                problem_at(reader, "neither a [section] nor a key = value");
        }
        return bad_line < 0 ? error_origin(-ENOMEM) : reader->error;
}

int config_read(const char *path, Config **ret, Problems *problems) {
        _cleanup_(config_freep) Config *config = NULL;
        size_t before = problems->count;
        int r = new_defaults(&config);
        if (r)
                return r;

        Reader reader = {.path = path, .config = config, .problems = problems};
        reader.file = fopen(path, "re");
        if (!reader.file) {
                r = -errno;
                problems_add(problems, "could not open '%s': %s", path, strerror(errno));
                return r;
        }
        r = read_file(&reader);
        (void) fclose(reader.file);
        if (r)
                return r;
        check_exec(&reader);
        r = derive(config, path, problems);
        if (r)
                return r;
        if (problems->count > before)
                return CONFIG_E_INVALID;
        *ret = TAKE_PTR(config);
        return 0;
}

static int is_equal(const Config *a, const Config *b, const Key *key) {
        switch (key->type) {
        case KEY_TEXT:
                return !strcmp(*(char *const *) const_field(a, key),
                               *(char *const *) const_field(b, key));
        case KEY_INT:
                return *(const int64_t *) const_field(a, key) ==
                       *(const int64_t *) const_field(b, key);
        default:
                return *(const usec_t *) const_field(a, key) ==
                       *(const usec_t *) const_field(b, key);
        }
}

void config_apply(Config *config, const Config *next, char *kept, size_t size) {
        kept[0] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const Key *key = &keys[i];
                if (is_equal(config, next, key))
                        continue;
                if (!key->is_reloaded)
                        (void) text_append(kept, size, "%s%s.%s", *kept ? ", " : "", key->section,
                                           key->name);
                else if (key->type == KEY_TEXT)
                        (void) set_text(field(config, key),
                                        *(char *const *) const_field(next, key));
                else
                        memcpy(field(config, key), const_field(next, key), sizeof(int64_t));
        }
        config->log_level = next->log_level;
        if (strcmp(config->exec_text ? config->exec_text : "",
                   next->exec_text ? next->exec_text : ""))
                (void) text_append(kept, size, "%s[exec]", *kept ? ", " : "");
        /* The lease waits for a restart, and the heartbeat has to go with the one that stays. */
        if (config->heartbeat_usec > config->lease_usec / 3) {
                config->heartbeat_usec = config->lease_usec / 3;
                (void) text_append(kept, size, "%stimers.heartbeat above a third of the lease",
                                   *kept ? ", " : "");
        }
}

static void print_duration(const char *name, usec_t usec) {
        int is_whole = usec % USEC_PER_SEC == 0;
        (void) printf("%s = %llu%s\n", name,
                      (unsigned long long) (usec / (is_whole ? USEC_PER_SEC : USEC_PER_MSEC)),
                      is_whole ? "s" : "ms");
}

static void print_value(const Config *config, const Key *key) {
        switch (key->type) {
        case KEY_TEXT:
                (void) printf("%s = %s\n", key->name, *(char *const *) const_field(config, key));
                break;
        case KEY_INT:
                (void) printf("%s = %lld\n", key->name,
                              (long long) *(const int64_t *) const_field(config, key));
                break;
        default:
                print_duration(key->name, *(const usec_t *) const_field(config, key));
        }
}

void config_print(const Config *config) {
        const char *section = "";
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (strcmp(section, keys[i].section))
                        (void) printf("%s[%s]\n", i ? "\n" : "", keys[i].section);
                section = keys[i].section;
                print_value(config, &keys[i]);
        }
        for (size_t i = 0; i < config->n_exec; i++)
                (void) printf("\n[exec \"%s\"]\n", exec_model_name(config->exec[i]));
}
