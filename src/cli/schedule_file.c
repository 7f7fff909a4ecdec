/*
 * A file of two sections, read line by line so that each problem has its line, and all of them are
 * told at once. The generator (systemd/registry-job-schedules.in) reads `when` from it as well, for
 * the timer: both take the text behind the first '=', without blanks around it.
 *
 * What the file names is registered as the daemon's user, so it is read like the configuration:
 * only when nobody else can change it.
 */
#include "cli/schedule_file.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/trusted.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

#define FILE_BYTES ((size_t) 1 << 18)
#define LINE_BYTES 8192
#define BLANKS " \t\r\n\v\f"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

typedef enum Section {
        SECTION_NONE,
        SECTION_UNKNOWN,
        SECTION_SCHEDULE,
        SECTION_PARAMETERS,
} Section;

typedef struct Reader {
        Schedule *schedule;
        Problems *problems;
        Section section;
        int line;
        int error; /* -errno */
} Reader;

Schedule *schedule_free(Schedule *schedule) {
        if (!schedule)
                return NULL;
        for (size_t i = 0; i < schedule->n_parameters; i++) {
                explicit_bzero(schedule->parameters[i], strlen(schedule->parameters[i]));
                free(schedule->parameters[i]);
        }
        free(schedule->path);
        free(schedule->when);
        free(schedule->co);
        free(schedule->job);
        free(schedule);
        return NULL;
}

static _printf_(2, 3) void add_problem(Reader *reader, const char *format, ...) {
        char why[480];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(why, sizeof(why), format, ap);
        va_end(ap);
        problems_add(reader->problems, "%s:%d: %s", reader->schedule->path, reader->line, why);
}

static void set_text(Reader *reader, const char *key, const char *value, char **to) {
        if (*to)
                add_problem(reader, "%s is given twice", key);
        else if (!*value)
                add_problem(reader, "%s has no value", key);
        else if (!(*to = strdup(value)))
                reader->error = -ENOMEM;
}

static void set_number(Reader *reader, const char *key, const char *value, int64_t min,
                       int64_t *to) {
        if (parse_int64(value, min, INT32_MAX, to))
                add_problem(reader, "%s must be a number from %lld to %d, not '%.80s'", key,
                            (long long) min, INT32_MAX, value);
}

static void set_co(Reader *reader, const char *value) {
        int32_t id;

        if (*value && parse_int32(value, 1, INT32_MAX, &id))
                add_problem(reader, "co must be the id of a CO, not '%.80s'", value);
        else
                set_text(reader, "co", value, &reader->schedule->co);
}

static void read_schedule_key(Reader *reader, const char *key, const char *value) {
        Schedule *s = reader->schedule;

        if (!strcmp(key, "when"))
                set_text(reader, key, value, &s->when);
        else if (!strcmp(key, "co"))
                set_co(reader, value);
        else if (!strcmp(key, "job"))
                set_text(reader, key, value, &s->job);
        else if (!strcmp(key, "retry_interval"))
                set_number(reader, key, value, 1, &s->retry_interval);
        else if (!strcmp(key, "max_retry"))
                set_number(reader, key, value, 0, &s->max_retry);
        else
                add_problem(reader,
                            "unknown key '%.80s' in [schedule], known are: when, co, job, "
                            "retry_interval, max_retry",
                            key);
}

/* Whether the parameter is known, and there once, is found out when the job is registered. */
static void read_parameter(Reader *reader, const char *name, const char *value) {
        Schedule *s = reader->schedule;

        if (s->n_parameters == SCHEDULE_PARAMETERS_MAX) {
                add_problem(reader, "more than %u parameters", SCHEDULE_PARAMETERS_MAX);
                return;
        }
        char *word = text_format("%s=%s", name, value);
        if (word)
                s->parameters[s->n_parameters++] = word;
        else
                reader->error = -ENOMEM;
}

static int read_key(void *userdata, const char *no_section, const char *key, const char *value) {
        Reader *reader = userdata;

        (void) no_section;
        if (reader->section == SECTION_SCHEDULE)
                read_schedule_key(reader, key, value);
        else if (reader->section == SECTION_PARAMETERS)
                read_parameter(reader, key, value);
        else if (reader->section == SECTION_NONE)
                add_problem(reader, "'%.80s' stands before the first [section]", key);
        return 1;
}

static void read_heading(Reader *reader, const char *line) {
        reader->section = !strcmp(line, "[schedule]")     ? SECTION_SCHEDULE
                          : !strcmp(line, "[parameters]") ? SECTION_PARAMETERS
                                                          : SECTION_UNKNOWN;
        if (reader->section == SECTION_UNKNOWN)
                add_problem(reader, "unknown section %.80s, known are: [schedule], [parameters]",
                            line);
}

static void read_line(Reader *reader, char *line) {
        size_t n = strlen(line);

        while (n && strchr(BLANKS, line[n - 1]))
                line[--n] = '\0';
        line += strspn(line, BLANKS);
        if (n > LINE_BYTES - 3) /* inih wants so many more */
                add_problem(reader, "the line is too long: %zu bytes", n);
        else if (*line == '[')
                read_heading(reader, line);
        else if (*line && *line != '#' && *line != ';' && line[strcspn(line, "=:")] != '=')
                add_problem(reader, "neither a [section] nor a key = value");
        else if (ini_parse_string(line, read_key, reader))
                add_problem(reader, "neither a [section] nor a key = value");
}

static void read_lines(Reader *reader, char *text) {
        ini_max_line = LINE_BYTES;
        ini_allow_multiline = false;
        ini_allow_inline_comments = false;
        for (char *line = text, *next; line && *line && !reader->error; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                reader->line++;
                read_line(reader, line);
        }
}

static void check_complete(Reader *reader) {
        const Schedule *s = reader->schedule;
        const struct {
                const char *key, *value;
        } needed[] = {{"when", s->when}, {"co", s->co}, {"job", s->job}};

        for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
                if (!needed[i].value)
                        problems_add(reader->problems, "%s: [schedule] has no '%s'", s->path,
                                     needed[i].key);
}

/* Returns a new string; NULL with a problem, or without memory. */
static char *read_text(const char *path, Problems *problems) {
        _cleanup_(freep) char *text = malloc(FILE_BYTES + 1);
        size_t n = 0;
        char why[480];

        if (!text)
                return NULL;
        int r = trusted_read(path, TRUST_FILE, text, FILE_BYTES + 1, &n, why, sizeof(why));
        if (!r && n > FILE_BYTES)
                r = -EFBIG;
        text[r ? 0 : n] = '\0';
        if (r > 0)
                problems_add(problems, "'%s' is not read: %s", path, why);
        else if (r < 0)
                problems_add(problems, "could not read '%s': %s", path, strerror(-r));
        else if (!text_is_utf8(text, n))
                problems_add(problems, "'%s' is not UTF-8 text", path);
        else
                return TAKE_PTR(text);
        return NULL;
}

/* The name of the schedule, and the file that it has. Returns as schedule_read(). */
static int set_name(Schedule *schedule, const char *name, Problems *problems) {
        const char *base = strrchr(name, '/');
        size_t n;

        schedule->path = base ? strdup(name) : text_format("%s/%s.conf", RJ_SCHEDULE_DIR, name);
        if (!schedule->path)
                return -ENOMEM;
        base = base ? base + 1 : name;
        n = strlen(base);
        if (base != name && n > 5 && !strcmp(base + n - 5, ".conf"))
                n -= 5;
        if (!n || n > SCHEDULE_NAME_MAX || *base == '.' || strspn(base, NAME_CHARS) < n) {
                problems_add(problems,
                             "'%.80s' is not the name of a schedule: 1 to %u letters, digits, "
                             "'_', '-' and '.', which it does not begin with",
                             base, SCHEDULE_NAME_MAX);
                return SCHEDULE_E_INVALID;
        }
        memcpy(schedule->name, base, n);
        return 0;
}

int schedule_read(const char *name, Schedule **ret, Problems *problems) {
        _cleanup_(schedule_freep) Schedule *schedule = calloc(1, sizeof(*schedule));
        if (!schedule)
                return -ENOMEM;
        schedule->max_retry = -1;
        int r = set_name(schedule, name, problems);
        if (r)
                return r;
        size_t before = problems->count;
        _cleanup_(freep) char *text = read_text(schedule->path, problems);
        if (!text)
                return problems->count > before ? SCHEDULE_E_INVALID : -ENOMEM;
        Reader reader = {.schedule = schedule, .problems = problems};
        read_lines(&reader, text);
        explicit_bzero(text, strlen(text));
        check_complete(&reader);
        if (reader.error)
                return error_origin(reader.error);
        if (problems->count > before)
                return SCHEDULE_E_INVALID;
        *ret = TAKE_PTR(schedule);
        return 0;
}
