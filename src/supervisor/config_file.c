/*
 * Reading the file, line by line, through inih. It knows where each line stands; what a key means
 * is the table's business (config_keys.h).
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "db/credential.h"
#include "supervisor/config_keys.h"
#include "util/error.h"
#include "util/text.h"

#define LINE_BYTES 8192

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
        unsigned char is_given[CONFIG_KEYS_MAX];
        int is_at_end;
        int error; /* -errno */
} Reader;

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
static _printf_(2, 3) void problem_at(Reader *reader, const char *format, ...) {
        char why[512];
        va_list ap;

        if (reader->is_too_long && !reader->is_at_end)
                return;
        va_start(ap, format);
        (void) vsnprintf(why, sizeof(why), format, ap);
        va_end(ap);
        problems_add(reader->problems, "%s:%d: %s", reader->path, reader->line, why);
}

/* NAME of a section `kind "NAME"`; 0 when it is not of that form. */
static int name_in(const char *section, const char *kind, char *name, size_t size) {
        size_t n = strlen(section), from = strlen(kind) + 2;

        if (n < from + 2 || section[from - 2] != ' ' || section[from - 1] != '"' ||
            section[n - 1] != '"' || n - 1 - from >= size)
                return 0;
        (void) snprintf(name, size, "%.*s", (int) (n - 1 - from), section + from);
        return 1;
}

/* 1 for `[kind]` and `[kind "NAME"]`, well-formed or not. */
static int is_of_kind(const char *section, const char *kind) {
        size_t n = strlen(kind);
        return !strncmp(section, kind, n) && (!section[n] || section[n] == ' ');
}

/* The model of `exec "NAME"`, new when it was not met before. NULL: reader->error or a problem. */
static ExecModel *exec_of(Reader *reader, const char *section) {
        Config *config = reader->config;
        char name[128], why[512];

        if (!name_in(section, "exec", name, sizeof(name))) {
                problem_at(reader, "a section for a program is [exec \"Plugin.Model\"]");
                return NULL;
        }
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
                problem_at(reader, "%s", r > 0 ? why : "out of memory");
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
                problem_at(reader, "%s", why);
        else if (!r)
                r = note_exec(reader->config, section, name, value);
        if (r < 0)
                reader->error = r;
}

/* What `limits "NAME"` has given so far. NULL: reader->error or a problem. */
static LimitOverride *override_of(Reader *reader, const char *section) {
        LimitTable *table = &reader->config->limits;
        char name[LIMIT_NAME_SIZE];

        if (!name_in(section, "limits", name, sizeof(name)) || !limit_is_name(name)) {
                problem_at(reader, "a section for limits is [limits], [limits \"Plugin\"] or "
                                   "[limits \"Plugin.Model\"]");
                return NULL;
        }
        for (size_t i = 0; i < table->n; i++)
                if (!strcmp(table->overrides[i].name, name))
                        return &table->overrides[i];
        LimitOverride *overrides = reallocarray(table->overrides, table->n + 1, sizeof(*overrides));
        if (!overrides) {
                reader->error = -ENOMEM;
                return NULL;
        }
        table->overrides = overrides;
        overrides[table->n] = (LimitOverride){0};
        memcpy(overrides[table->n].name, name, sizeof(name));
        return &overrides[table->n++];
}

static void set(Reader *reader, const Key *key, void *field, const char *value) {
        char why[512];
        int r = config_key_set(key, field, value, why, sizeof(why));
        if (r > 0)
                problem_at(reader, "%s", why);
        else if (r < 0)
                reader->error = r;
}

static void take_limit(Reader *reader, const char *section, const char *name, const char *value) {
        LimitOverride *override = override_of(reader, section);
        int i = config_key_find("limits", name);

        if (!override)
                return;
        if (i < 0) {
                problem_at(reader, "unknown key '%.80s' in [%.100s]", name, section);
                return;
        }
        const Key *key = &config_keys[i];
        if (override->given & key->limit) {
                problem_at(reader, "%s is given twice", name);
                return;
        }
        override->given |= key->limit;
        set(reader, key, config_limit_field(&override->limits, key), value);
}

static int take_line(void *userdata, const char *cut, const char *name, const char *value) {
        Reader *reader = userdata;
        const char *section = *cut ? reader->section : "";
        int i = config_key_find(section, name);

        if (is_of_kind(section, "exec"))
                take_exec(reader, section, name, value);
        else if (!strncmp(section, "limits ", 7))
                take_limit(reader, section, name, value);
        else if (i >= 0 && reader->is_given[i]++)
                problem_at(reader, "%s is given twice", name);
        else if (i >= 0)
                set(reader, &config_keys[i], config_field(reader->config, &config_keys[i]), value);
        else if (config_key_has_section(section))
                problem_at(reader, "unknown key '%.80s' in [%s]", name, section);
        else
                problem_at(reader, "unknown section [%.80s]", section);
        return 1;
}

static void check_exec(Reader *reader) {
        char why[512];
        for (size_t i = 0; i < reader->config->n_exec; i++)
                if (exec_model_check(reader->config->exec[i], why, sizeof(why)))
                        problems_add(reader->problems, "%s: [exec \"%s\"]: %s", reader->path,
                                     exec_model_name(reader->config->exec[i]), why);
}

/* Better said here than by a server that misses the password. */
static void check_credential(Problems *problems) {
        char password[CREDENTIAL_SIZE], why[256];

        if (credential_read(password, why, sizeof(why)) == CREDENTIAL_E_INVALID)
                problems_add(problems, "%s", why);
        explicit_bzero(password, sizeof(password));
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
        int r = config_new_defaults(&config);
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
        check_credential(problems);
        r = config_derive(config, path, problems);
        if (r)
                return r;
        if (problems->count > before)
                return CONFIG_E_INVALID;
        *ret = TAKE_PTR(config);
        return 0;
}
