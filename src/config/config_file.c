/*
 * Reading the file. It is read into memory as a whole, then line by line: headings are read here,
 * other lines are split by inih; what a key means is the table's business (config_keys.h). Every
 * problem is noted with its line, and reading goes on, so that all problems are told at once. Keys
 * below a heading that is refused are passed over: what is wrong with them follows from it.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/config_keys.h"
#include "config/config_program.h"
#include "config/config_text.h"
#include "config/config_value.h"
#include "db/conninfo.h"
#include "db/credential.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/text.h"

#define LINE_BYTES 8192
#define TITLE_SIZE 256 /* of what stands between [ and ] */
#define BLANKS " \t\r\n\v\f"

typedef struct Heading {
        char title[TITLE_SIZE + 4]; /* with one blank and two quotation marks of its own */
        int line;
} Heading;

/* One reading of one file. */
typedef struct Reader {
        const char *path;
        Config *config;
        Problems *problems;
        int line;
        Heading *headings; /* those that were met; the last one is in force */
        size_t n_headings;
        ConfigSection section;      /* of that heading */
        void *block;                /* where its keys lie; NULL: they are passed over */
        LimitOverride *override;    /* the block is one of these; or NULL */
        size_t problems_before;     /* this heading */
        int given[CONFIG_KEYS_MAX]; /* lines of the keys; in sections with a name: below the last */
        int has_lost_database;      /* what is in [database], or was meant to be, is wrong */
        int error;                  /* -errno */
} Reader;

static _printf_(3, 4) void add_problem(Reader *reader, int line, const char *format, ...) {
        char why[480];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(why, sizeof(why), format, ap);
        va_end(ap);
        problems_add(reader->problems, "%s:%d: %s", reader->path, line, why);
        if (reader->section == CONFIG_DATABASE && (reader->block || !reader->n_headings))
                reader->has_lost_database = 1;
}

/* Does what has to wait for the end of a section, at the next heading and at the end of the file.
 */
static void close_section(Reader *reader) {
        char why[512];
        int r = 0;

        if (reader->block && reader->problems->count == reader->problems_before)
                r = config_section_complete(reader->config, reader->section, why, sizeof(why));
        if (r > 0) {
                const Heading *heading = &reader->headings[reader->n_headings - 1];
                add_problem(reader, heading->line, "[%.100s]: %s", heading->title, why);
        } else if (r < 0) {
                reader->error = r;
        }
        reader->block = NULL;
        reader->override = NULL;
}

/*
 * Splits a title such as `limits "Name"` in place: *ret_name is the name, NULL where there is none.
 * Returns 0, or CONFIG_E_INVALID for a title of another form; the first word is cut off even then.
 */
static int split_title(char *title, char **ret_name) {
        size_t word = strcspn(title, " \t\"");
        char *name = title + word + strspn(title + word, " \t");
        size_t n = strlen(name);
        int is_plain = !title[word];
        int is_named = name > title + word && n > 2 && *name == '"' &&
                       strchr(name + 1, '"') == name + n - 1;

        *ret_name = NULL;
        if (is_named) {
                name[n - 1] = '\0';
                *ret_name = name + 1;
        }
        title[word] = '\0';
        return is_plain || is_named ? 0 : CONFIG_E_INVALID;
}

static void refuse_unknown_section(Reader *reader, const char *title) {
        char known[400] = "";

        for (size_t i = 0; i < _CONFIG_SECTION_MAX; i++)
                (void) text_append(known, sizeof(known), "%s %s", i ? "," : "",
                                   config_sections[i].accepted);
        add_problem(reader, reader->line, "unknown section [%.80s], known are:%s", title, known);
}

/* Makes room for one more in an array; NULL without memory. */
static void *grow(Reader *reader, void *array, size_t n, size_t size) {
        void *grown = reallocarray(array, n + 1, size);
        if (grown)
                memset((char *) grown + n * size, 0, size);
        else
                reader->error = error_origin(-ENOMEM);
        return grown;
}

static void open_override(Reader *reader, const char *name) {
        LimitOverride *override = limit_override(&reader->config->limits, name);

        reader->override = override;
        if (!override)
                reader->error = error_origin(-ENOMEM);
        else
                reader->block = reader->section == CONFIG_LIMITS ? (void *) &override->limits
                                                                 : (void *) &override->quarantine;
}

static void open_program(Reader *reader, const char *name) {
        Config *config = reader->config;
        char why[512];

        ConfigProgram *programs = grow(reader, config->programs, config->n_exec, sizeof(*programs));
        if (programs)
                config->programs = programs;
        ExecModel **exec = grow(reader, config->exec, config->n_exec, sizeof(ExecModel *));
        if (exec)
                config->exec = exec;
        if (!programs || !exec)
                return;
        int r = exec_model_new(name, &exec[config->n_exec], why, sizeof(why));
        if (r > 0)
                add_problem(reader, reader->line, "%s", why);
        if (r < 0)
                reader->error = r;
        if (r)
                return;
        ConfigProgram *program = &programs[config->n_exec++];
        (void) snprintf(program->name, sizeof(program->name), "%s", name);
        reader->error = config_set_defaults(CONFIG_EXEC, program);
        reader->block = program;
}

/* Makes the section the one that the next keys belong to. `name` is NULL for a plain heading. */
static void open_section(Reader *reader, const char *name) {
        for (size_t i = 0; i < config_n_keys; i++)
                if (config_keys[i].section == reader->section)
                        reader->given[i] = 0;
        if (reader->section == CONFIG_EXEC)
                open_program(reader, name);
        else if (name)
                open_override(reader, name);
        else
                reader->block = config_block(reader->config, reader->section);
}

/* Refuses a heading that was there before; else notes it. Returns 1 when it is new. */
static int note_heading(Reader *reader, const char *title) {
        for (size_t i = 0; i < reader->n_headings; i++)
                if (!strcmp(reader->headings[i].title, title)) {
                        add_problem(reader, reader->line,
                                    "the section [%.100s] is given twice, first in line %d; put "
                                    "its keys together",
                                    title, reader->headings[i].line);
                        return 0;
                }
        Heading *headings = grow(reader, reader->headings, reader->n_headings, sizeof(*headings));
        if (!headings)
                return 0;
        reader->headings = headings;
        (void) snprintf(headings[reader->n_headings].title, sizeof(headings->title), "%s", title);
        headings[reader->n_headings++].line = reader->line;
        return 1;
}

/* `title` is what stands between [ and ]. */
static void read_title(Reader *reader, const char *title) {
        char parts[TITLE_SIZE], plain[TITLE_SIZE + 4], *name = NULL;
        size_t i = 0;

        (void) snprintf(parts, sizeof(parts), "%s", title);
        int r = split_title(parts, &name);
        while (i < _CONFIG_SECTION_MAX && strcmp(config_sections[i].name, parts))
                i++;
        if (i == _CONFIG_SECTION_MAX) {
                refuse_unknown_section(reader, title);
                return;
        }
        if (name)
                (void) snprintf(plain, sizeof(plain), "%s \"%s\"", parts, name);
        else
                (void) snprintf(plain, sizeof(plain), "%s", parts);
        const ConfigSectionRow *row = &config_sections[i];
        unsigned heading = name ? CONFIG_HEADING_NAMED : CONFIG_HEADING_PLAIN;
        if (r || !(row->headings & heading) || (name && i != CONFIG_EXEC && !limit_is_name(name)))
                add_problem(reader, reader->line, "the heading [%.100s] must be %s", title,
                            row->accepted);
        else if (note_heading(reader, plain)) {
                reader->section = (ConfigSection) i;
                open_section(reader, name);
        }
}

/* `line` begins with [. */
static void split_heading(Reader *reader, char *line) {
        char *end = strchr(line, ']');

        if (!end) {
                add_problem(reader, reader->line, "the heading '%.80s' has no ]", line);
                return;
        }
        *end = '\0';
        if (end[1])
                add_problem(reader, reader->line,
                            "nothing may follow the heading [%.80s], not '%.80s'", line + 1,
                            end + 1);
        else if (end - line > TITLE_SIZE - 1)
                add_problem(reader, reader->line, "the heading [%.80s...] is too long", line + 1);
        else
                read_title(reader, line + 1);
}

static void read_heading(Reader *reader, char *line) {
        int is_of_database = strcasestr(line, config_sections[CONFIG_DATABASE].name) != NULL;

        close_section(reader);
        reader->problems_before = reader->problems->count;
        split_heading(reader, line);
        if (is_of_database && reader->problems->count > reader->problems_before)
                reader->has_lost_database = 1;
}

static void refuse_unknown_key(Reader *reader, const char *written) {
        char known[256] = "";

        if (reader->section == CONFIG_DATABASE && conninfo_has_keyword(written)) {
                add_problem(reader, reader->line,
                            "'%.80s' is a word of conninfo, not a key: conninfo = %.80s=...",
                            written, written);
                return;
        }
        for (size_t i = 0; i < config_n_keys; i++)
                if (config_keys[i].section == reader->section)
                        (void) text_append(known, sizeof(known), "%s %s%s", *known ? "," : "",
                                           config_keys[i].name,
                                           config_key_is_named(&config_keys[i]) ? ".NAME" : "");
        add_problem(reader, reader->line, "unknown key '%.80s' in [%.100s], known are:%s", written,
                    reader->headings[reader->n_headings - 1].title, known);
}

/* The line in which this key was given before; 0 when it was not. */
static int line_of_first(const Reader *reader, const ConfigKey *key, const char *name) {
        if (!name)
                return reader->given[key - config_keys];
        const ConfigNamedList *list = config_field(reader->block, key);
        for (size_t i = 0; i < list->n; i++)
                if (!strcmp(list->items[i].name, name))
                        return list->items[i].line;
        return 0;
}

static void note_given(Reader *reader, const ConfigKey *key, const char *name) {
        reader->given[key - config_keys] = reader->line;
        if (reader->override)
                reader->override->given |= key->limit;
        if (name) {
                const ConfigNamedList *list = config_field(reader->block, key);
                list->items[list->n - 1].line = reader->line;
        }
}

/* As inih calls it for a line `written = value`. */
static int read_key(void *userdata, const char *no_section, const char *written,
                    const char *value) {
        Reader *reader = userdata;
        const char *name = NULL;
        char why[480];

        (void) no_section;
        if (!reader->block) {
                if (!reader->n_headings && reader->problems->count == reader->problems_before)
                        add_problem(reader, reader->line,
                                    "'%.80s' stands before the first [section]", written);
                return 1;
        }
        const ConfigKey *key = config_key_find(reader->section, written, &name);
        if (!key) {
                refuse_unknown_key(reader, written);
                return 1;
        }
        int first = line_of_first(reader, key, name);
        if (first) {
                add_problem(reader, reader->line, "%.80s is given twice, first in line %d", written,
                            first);
                return 1;
        }
        int r = config_value_parse(key, config_field(reader->block, key), name, value, why,
                                   sizeof(why));
        if (r > 0)
                add_problem(reader, reader->line, "%s", why);
        else if (r < 0)
                reader->error = r;
        else
                note_given(reader, key, name);
        return 1;
}

/* `line` has `length` bytes, its end of line not counted, and a NUL behind them. */
static void read_line(Reader *reader, char *line, size_t length) {
        size_t blanks;

        if (strlen(line) < length) {
                add_problem(reader, reader->line,
                            "the line has a NUL byte in it: save the file as plain UTF-8 text");
                return;
        }
        if (length > LINE_BYTES - 3) { /* inih wants so many more */
                add_problem(reader, reader->line, "the line is too long: %zu bytes", length);
                return;
        }
        while (length && strchr(BLANKS, line[length - 1]))
                line[--length] = '\0';
        blanks = strspn(line, BLANKS);
        if (line[blanks] == '[')
                read_heading(reader, line + blanks);
        else if (ini_parse_string(line + blanks, read_key, reader))
                add_problem(reader, reader->line, "neither a [section] nor a key = value");
}

static void read_lines(Reader *reader, char *text, char *end) {
        ini_max_line = LINE_BYTES;
        ini_allow_multiline = false;
        ini_allow_bom = false;             /* or each line could begin with one */
        ini_allow_inline_comments = false; /* ';' may stand in a password or a command */
        char *line = text;
        while (line < end && !reader->error) {
                char *next = memchr(line, '\n', (size_t) (end - line));
                if (!next)
                        next = end;
                *next = '\0';
                reader->line++;
                read_line(reader, line, (size_t) (next - line));
                line = next + 1;
        }
        close_section(reader);
}

static int line_of(const Reader *reader, ConfigSection section, const char *key) {
        const char *name;
        return reader->given[config_key_find(section, key, &name) - config_keys];
}

/* The one rule between two keys. Defaults keep it, so that one of the two was given. */
static void check_lease(Reader *reader) {
        const Config *config = reader->config;
        int lease = line_of(reader, CONFIG_TIMERS, "lease");
        int heartbeat = line_of(reader, CONFIG_TIMERS, "heartbeat");

        if (config->lease_usec < 3 * config->heartbeat_usec)
                add_problem(reader, MAX_OF(lease, heartbeat),
                            "lease must be at least three times heartbeat");
}

/* Better said here than by a server that misses the password. */
static void check_credential(Problems *problems) {
        char password[CREDENTIAL_SIZE], why[560];

        if (credential_read(password, why, sizeof(why)) == CREDENTIAL_E_INVALID)
                problems_add(problems, "%s", why);
        explicit_bzero(password, sizeof(password));
}

static int split_load(Config *config) {
        for (char *p = config->load_text; *p; p++)
                if (*p == ',')
                        *p = ' ';
        int r = argv_split(config->load_text, &config->load);
        while (!r && config->load[config->n_load])
                config->n_load++;
        return MIN_OF(r, 0); /* nothing to be loaded is no error */
}

/* What of a configuration with problems can be used: where the database is. */
static int is_usable(const Reader *reader) {
        return !reader->has_lost_database && line_of(reader, CONFIG_DATABASE, "conninfo");
}

static int read_file(const char *path, int is_lenient, Config **ret, Problems *problems) {
        _cleanup_(config_freep) Config *config = NULL;
        size_t length = 0, before = problems->count;
        int r = 0;

        _cleanup_(freep) char *text = config_text_read(path, &length, &r, problems);
        if (!text)
                return r;
        r = config_new(&config);
        if (r)
                return r;
        Reader reader = {.path = path,
                         .config = config,
                         .problems = problems,
                         .problems_before = problems->count};
        read_lines(&reader, text, text + length);
        free(reader.headings);
        if (reader.error)
                return reader.error;
        check_lease(&reader);
        check_credential(problems);
        if (problems->count == before)
                r = split_load(config);
        else if (is_lenient && is_usable(&reader))
                config_forget_models(config);
        else
                r = CONFIG_E_INVALID;
        if (!r)
                *ret = TAKE_PTR(config);
        return r;
}

int config_read(const char *path, Config **ret, Problems *problems) {
        return read_file(path, 0, ret, problems);
}

int config_read_lenient(const char *path, Config **ret, Problems *problems) {
        return read_file(path, 1, ret, problems);
}
