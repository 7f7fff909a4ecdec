/*
 * One function for each thing that is done to a value; what differs between the types is decided in
 * a switch over the type. A value that is refused leaves the field as it was.
 */
#include "config/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/conninfo.h"
#include "exec/environment.h"
#include "exec/param_spec.h"
#include "util/argv.h"
#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

#define NAME_MAX_BYTES 64 /* of parameters and of environment variables */
#define HIDDEN "***"

typedef struct FormatUnit {
        const char *suffix;
        uint64_t factor;
} FormatUnit;

/* Writes a number with the first unit that leaves no rest. */
static void format_with_unit(uint64_t value, const FormatUnit *unit, char *text, size_t size) {
        while (unit->factor > 1 && value % unit->factor)
                unit++;
        (void) snprintf(text, size, "%llu%s", (unsigned long long) (value / unit->factor),
                        value ? unit->suffix : "");
}

void config_format_duration(usec_t usec, char *text, size_t size) {
        static const FormatUnit units[] = {
                {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1},
        };
        format_with_unit(usec / USEC_PER_MSEC, units, text, size);
}

static void format_size(uint64_t bytes, char *text, size_t size) {
        static const FormatUnit units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};
        format_with_unit(bytes, units, text, size);
}

void config_value_describe_bound(const ConfigKey *key, int64_t bound, char *text, size_t size) {
        *text = '\0';
        if (key->type == CONFIG_INT)
                (void) snprintf(text, size, "%lld", (long long) bound);
        else if (key->type == CONFIG_DURATION)
                config_format_duration((usec_t) bound, text, size);
        else if (key->type == CONFIG_SIZE)
                format_size((uint64_t) bound, text, size);
}

static void describe_range(const ConfigKey *key, const char *what, char *text, size_t size) {
        char min[32], max[32];

        config_value_describe_bound(key, key->min, min, sizeof(min));
        config_value_describe_bound(key, key->max, max, sizeof(max));
        (void) snprintf(text, size, "%s from %s to %s", what, min, max);
}

static void describe_words(const ConfigWord *words, char *text, size_t size) {
        *text = '\0';
        for (const ConfigWord *w = words; w->word; w++)
                (void) text_append(text, size, "%s%s",
                                   w == words  ? ""
                                   : w[1].word ? ", "
                                               : " or ",
                                   w->word);
}

void config_value_describe(const ConfigKey *key, char *text, size_t size) {
        static const char *const fixed[] = {
                [CONFIG_ZONE] = "the name of a time zone such as Europe/Berlin",
                [CONFIG_LIST] =
                        "names separated by blanks or commas, with quotation marks in pairs",
                [CONFIG_PATH] = "an absolute path",
                [CONFIG_COMMAND] = ("an absolute path and its arguments, with quotation marks in "
                                    "pairs"),
                [CONFIG_BOOL] = "yes or no",
                [CONFIG_PARAMETER] = PARAM_SPEC_ACCEPTED,
        };

        if (key->type == CONFIG_WORD)
                describe_words(key->words, text, size);
        else if (key->type == CONFIG_INT)
                describe_range(key, "a number", text, size);
        else if (key->type == CONFIG_DURATION)
                describe_range(key, "a time such as 500ms, 10s, 5min or 1h,", text, size);
        else if (key->type == CONFIG_SIZE)
                describe_range(key, "a size such as 64M or 2G,", text, size);
        else
                (void) snprintf(text, size, "%s",
                                key->type < ARRAY_SIZE(fixed) && fixed[key->type] ? fixed[key->type]
                                                                                  : "text");
}

static int set_text(char **to, const char *text) {
        char *copy = strdup(text);
        if (!copy)
                return error_origin(-ENOMEM);
        free(*to);
        *to = copy;
        return 0;
}

/* The functions parse_...() return 0, -errno, or a positive code when the text is not of the form.
 */

static int parse_list(char **to, const char *text) {
        _cleanup_(argv_freep) char **argv = NULL;
        int r = argv_split(text, &argv);
        return r && r != ARGV_E_EMPTY ? r : set_text(to, text);
}

static int parse_command(char **to, const char *text) {
        _cleanup_(argv_freep) char **argv = NULL;
        int r = argv_split(text, &argv);
        return r ? r : argv[0][0] != '/' ? CONFIG_E_INVALID : set_text(to, text);
}

static int parse_word(const ConfigKey *key, int *to, const char *text) {
        size_t n = key->prefix ? strlen(key->prefix) : 0;

        if (n && !strncmp(text, key->prefix, n))
                text += n;
        for (const ConfigWord *w = key->words; w->word; w++)
                if (!strcmp(text, w->word)) {
                        *to = w->number;
                        return 0;
                }
        return CONFIG_E_INVALID;
}

static int parse_parameter(const char *name, const char *text) {
        struct rj_param_desc desc;
        int r = param_spec_parse(name, text, &desc);
        if (!r)
                param_spec_done(&desc);
        return r;
}

static int add_named(ConfigNamedList *list, const char *name, const char *text) {
        _cleanup_(freep) char *own_name = strdup(name), *own_text = strdup(text);
        ConfigNamed *items = reallocarray(list->items, list->n + 1, sizeof(*items));

        if (items)
                list->items = items;
        if (!items || !own_name || !own_text)
                return error_origin(-ENOMEM);
        items[list->n].name = TAKE_PTR(own_name);
        items[list->n].text = TAKE_PTR(own_text);
        items[list->n++].line = 0;
        return 0;
}

static int is_name(const char *text) {
        size_t n = 0;
        while (isalnum((unsigned char) text[n]) || text[n] == '_')
                n++;
        return n && n <= NAME_MAX_BYTES && !text[n] && !isdigit((unsigned char) *text);
}

static int parse_named(const ConfigKey *key, ConfigNamedList *list, const char *name,
                       const char *text, char *why, size_t size) {
        int is_variable = key->type == CONFIG_VARIABLE;

        if (!is_name(name) || (is_variable && environment_is_reserved(name))) {
                (void) snprintf(why, size,
                                "%s.%.80s: its name must be of letters, digits and underscores, at "
                                "most %d, and not begin with a digit%s",
                                key->name, name, NAME_MAX_BYTES,
                                is_variable ? " or with REGISTRY_" : "");
                return CONFIG_E_INVALID;
        }
        int r = is_variable ? 0 : parse_parameter(name, text);
        return r ? r : add_named(list, name, text);
}

static int parse_conninfo(char **to, const char *text, char *why, size_t size) {
        char reason[400];
        int r = conninfo_check(text, reason, sizeof(reason));
        if (r > 0)
                (void) snprintf(why, size, "conninfo: %s", reason);
        return r ? r : set_text(to, text);
}

/* Whether there is such a zone, the server knows. */
static int parse_zone(char **to, const char *text) {
        size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_/+-");
        return text[n] || n > NAME_MAX_BYTES ? CONFIG_E_INVALID : set_text(to, text);
}

/* As config_value_parse(); a positive result may leave `why` empty. */
static int parse_value(const ConfigKey *key, void *field, const char *name, const char *text,
                       char *why, size_t size) {
        switch (key->type) {
        case CONFIG_TEXT:
                return set_text(field, text);
        case CONFIG_CONNINFO:
                return parse_conninfo(field, text, why, size);
        case CONFIG_ZONE:
                return parse_zone(field, text);
        case CONFIG_LIST:
                return parse_list(field, text);
        case CONFIG_PATH:
                return *text == '/' ? set_text(field, text) : CONFIG_E_INVALID;
        case CONFIG_COMMAND:
                return parse_command(field, text);
        case CONFIG_WORD:
                return parse_word(key, field, text);
        case CONFIG_BOOL:
                return parse_bool(text, field);
        case CONFIG_INT:
                return parse_int64(text, key->min, key->max, field);
        case CONFIG_DURATION:
                return parse_duration(text, (usec_t) key->min, (usec_t) key->max, field);
        case CONFIG_SIZE:
                return parse_size(text, (uint64_t) key->min, (uint64_t) key->max, field);
        default:
                return parse_named(key, field, name, text, why, size);
        }
}

int config_value_parse(const ConfigKey *key, void *field, const char *name, const char *text,
                       char *why, size_t size) {
        char expected[256];

        *why = '\0';
        int r = parse_value(key, field, name, text, why, size);
        if (r <= 0)
                return r;
        if (!*why) {
                config_value_describe(key, expected, sizeof(expected));
                (void) snprintf(why, size, "%s%s%s must be %s, not '%.80s'", key->name,
                                name ? "." : "", name ? name : "", expected, text);
        }
        return CONFIG_E_INVALID;
}

/* Bytes of a value that is not a list. */
static size_t value_size(const ConfigKey *key) {
        switch (key->type) {
        case CONFIG_WORD:
        case CONFIG_BOOL:
                return sizeof(int);
        case CONFIG_INT:
        case CONFIG_DURATION:
        case CONFIG_SIZE:
                return sizeof(uint64_t);
        case CONFIG_PARAMETER:
        case CONFIG_VARIABLE:
                return sizeof(ConfigNamedList);
        default:
                return sizeof(char *);
        }
}

static int is_text(const ConfigKey *key) {
        return key->type <= CONFIG_COMMAND;
}

static const char *text_or_empty(const char *text) {
        return text ? text : "";
}

/* The order counts: parameters are listed in the order of the file. */
static int is_list_equal(const ConfigNamedList *a, const ConfigNamedList *b) {
        if (a->n != b->n)
                return 0;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i].name, b->items[i].name) ||
                    strcmp(a->items[i].text, b->items[i].text))
                        return 0;
        return 1;
}

int config_value_is_equal(const ConfigKey *key, const void *a, const void *b) {
        if (config_key_is_named(key))
                return is_list_equal(a, b);
        if (is_text(key))
                return !strcmp(text_or_empty(*(char *const *) a),
                               text_or_empty(*(char *const *) b));
        return !memcmp(a, b, value_size(key));
}

void config_value_swap(const ConfigKey *key, void *a, void *b) {
        char kept[sizeof(ConfigNamedList)];
        size_t n = value_size(key);

        memcpy(kept, a, n);
        memmove(a, b, n);
        memcpy(b, kept, n);
}

void config_value_free(const ConfigKey *key, void *field) {
        if (is_text(key))
                free(*(char **) field);
        if (!config_key_is_named(key))
                return;
        ConfigNamedList *list = field;
        for (size_t i = 0; i < list->n; i++) {
                free(list->items[i].name);
                free(list->items[i].text);
        }
        free(list->items);
}

static const char *word_of(const ConfigKey *key, int number) {
        const ConfigWord *w = key->words;
        while (w->word && w->number != number)
                w++;
        return w->word;
}

static void print_conninfo(const char *name, const char *conninfo) {
        _cleanup_(freep) char *shown = conninfo_printable(conninfo);
        (void) printf("%s = %s\n", name, shown ? shown : "");
}

/* A variable of a program's environment may be a password. */
static void print_list(const ConfigKey *key, const ConfigNamedList *list) {
        for (size_t i = 0; i < list->n; i++)
                (void) printf("%s.%s = %s\n", key->name, list->items[i].name,
                              key->type == CONFIG_VARIABLE ? HIDDEN : list->items[i].text);
}

void config_value_print(const ConfigKey *key, const void *field) {
        char text[32];

        switch (key->type) {
        case CONFIG_CONNINFO:
                print_conninfo(key->name, *(char *const *) field);
                return;
        case CONFIG_PARAMETER:
        case CONFIG_VARIABLE:
                print_list(key, field);
                return;
        case CONFIG_WORD:
                if (word_of(key, *(const int *) field))
                        (void) printf("%s = %s\n", key->name, word_of(key, *(const int *) field));
                return;
        case CONFIG_BOOL:
                (void) printf("%s = %s\n", key->name, *(const int *) field ? "yes" : "no");
                return;
        case CONFIG_INT:
        case CONFIG_DURATION:
        case CONFIG_SIZE:
                config_value_describe_bound(key, *(const int64_t *) field, text, sizeof(text));
                (void) printf("%s = %s\n", key->name, text);
                return;
        default:
                (void) printf("%s = %s\n", key->name, text_or_empty(*(char *const *) field));
        }
}
