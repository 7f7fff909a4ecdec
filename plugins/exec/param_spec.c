/* The grammar of one line. Everything else is refused, so that the grammar can grow later. */
#include "exec/param_spec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/macro.h"

#define BLANKS " \t"
#define TABLE_MAX 63 /* bytes of a name in PostgreSQL */

/* Whether parentheses may follow the name of a type. */
typedef enum Argument {
        ARGUMENT_NONE,
        ARGUMENT_OPTIONAL,
        ARGUMENT_REQUIRED,
} Argument;

static const struct {
        const char *word;
        uint32_t type;
        Argument argument;
} types[] = {
        {"bool", RJ_PARAM_BOOL, ARGUMENT_NONE},         {"integer", RJ_PARAM_INT, ARGUMENT_NONE},
        {"select", RJ_PARAM_SELECT, ARGUMENT_REQUIRED}, {"string", RJ_PARAM_STRING, ARGUMENT_NONE},
        {"fk", RJ_PARAM_FK, ARGUMENT_OPTIONAL},
};

static const struct {
        const char *word;
        uint32_t flag;
} flags[] = {
        {"required", RJ_PARAM_REQUIRED},
        {"secret", RJ_PARAM_SECRET},
};

void param_spec_done(struct rj_param_desc *desc) {
        for (const char *const *choice = desc->choices; choice && *choice; choice++)
                free((char *) *choice);
        free((void *) desc->choices);
        free((char *) desc->table);
        free((char *) desc->name);
        *desc = (struct rj_param_desc){0};
}

/* Cuts blanks off at both ends, in place. Returns the new beginning. */
static char *trim_blanks(char *text) {
        text += strspn(text, BLANKS);
        size_t n = strlen(text);
        while (n && strchr(BLANKS, text[n - 1]))
                n--;
        text[n] = '\0';
        return text;
}

/* Reads "a, b, c", with or without blanks. No choice may be empty or given twice. */
static int parse_choices(char *text, struct rj_param_desc *desc) {
        size_t most = 2, n = 0;
        for (const char *p = text; *p; p++)
                most += *p == ',';
        char **choices = calloc(most, sizeof(*choices));
        if (!choices)
                return error_origin(-ENOMEM);
        desc->choices = (const char *const *) choices;

        for (char *word; (word = strsep(&text, ","));) {
                word = trim_blanks(word);
                for (size_t i = 0; i < n; i++)
                        if (!strcmp(choices[i], word))
                                return PARAM_SPEC_E_INVALID;
                if (!*word)
                        return PARAM_SPEC_E_INVALID;
                choices[n] = strdup(word);
                if (!choices[n++])
                        return error_origin(-ENOMEM);
        }
        return 0;
}

int param_spec_is_table(const char *name) {
        return *name && strlen(name) <= TABLE_MAX &&
               !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static int parse_table(char *text, struct rj_param_desc *desc) {
        text = trim_blanks(text);
        if (!param_spec_is_table(text))
                return PARAM_SPEC_E_INVALID;
        desc->table = strdup(text);
        return desc->table ? 0 : error_origin(-ENOMEM);
}

/*
 * Moves *text behind the "(...)" that it begins with, and returns what stands in the parentheses;
 * NULL where there are none, or where they have no end.
 */
static char *cut_argument(char **text) {
        char *close = **text == '(' ? strchr(*text, ')') : NULL;
        if (!close)
                return NULL;

        char *argument = *text + 1;
        *close = '\0';
        *text = close + 1;
        return argument;
}

/* The row of a type, or ARRAY_SIZE(types). */
static size_t find_type(const char *word, size_t length) {
        size_t i = 0;

        while (i < ARRAY_SIZE(types) &&
               (strlen(types[i].word) != length || strncmp(types[i].word, word, length)))
                i++;
        return i;
}

uint32_t param_spec_type(const char *word, size_t length) {
        size_t i = find_type(word, length);
        return i < ARRAY_SIZE(types) ? types[i].type : 0;
}

static int parse_type(char **text, struct rj_param_desc *desc) {
        size_t n = strcspn(*text, BLANKS "("), i = find_type(*text, n);

        if (i == ARRAY_SIZE(types))
                return PARAM_SPEC_E_INVALID;
        *text += n;
        char *argument = cut_argument(text);
        if ((**text && !strchr(BLANKS, **text)) ||
            (argument ? types[i].argument == ARGUMENT_NONE
                      : types[i].argument == ARGUMENT_REQUIRED))
                return PARAM_SPEC_E_INVALID;

        desc->type = types[i].type;
        if (!argument)
                return 0;
        return desc->type == RJ_PARAM_SELECT ? parse_choices(argument, desc)
                                             : parse_table(argument, desc);
}

static int parse_flags(char *text, struct rj_param_desc *desc) {
        for (char *word; (word = strsep(&text, BLANKS));) {
                size_t i = 0;
                while (*word && i < ARRAY_SIZE(flags) && strcmp(flags[i].word, word))
                        i++;
                if (i == ARRAY_SIZE(flags) || (*word && desc->flags & flags[i].flag))
                        return PARAM_SPEC_E_INVALID;
                if (*word)
                        desc->flags |= flags[i].flag;
        }
        return 0;
}

static int parse_spec(char *text, struct rj_param_desc *desc) {
        text = trim_blanks(text);
        int r = parse_type(&text, desc);
        return r ? r : parse_flags(text, desc);
}

int param_spec_parse(const char *name, const char *value, struct rj_param_desc *ret) {
        struct rj_param_desc desc = {.name = strdup(name)};
        _cleanup_(freep) char *text = strdup(value);
        int r = -ENOMEM;

        if (text && desc.name)
                r = parse_spec(text, &desc);
        if (r)
                param_spec_done(&desc);
        else
                *ret = desc;
        return r;
}
