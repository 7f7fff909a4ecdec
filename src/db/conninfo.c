/*
 * Connection strings hold secrets, and libpq's messages about a wrong string repeat pieces of it.
 * Everything that this module returns may be printed and logged. libpq tells which options are
 * secret: their display is "*".
 */
#include "db/conninfo.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/error.h"
#include "util/macro.h"
#include "util/parse.h"
#include "util/text.h"

#define MASK "***"

static void options_freep(PQconninfoOption **options) {
        PQconninfoFree(*options);
}

static void message_freep(char **message) {
        PQfreemem(*message);
}

static int is_secret(const PQconninfoOption *option) {
        return option->dispchar[0] == '*';
}

static void make_line(char *text) {
        for (size_t n = strlen(text); n && text[n - 1] == '\n'; n--)
                text[n - 1] = '\0';
        text_hide_controls(text);
}

/* A URI may contain a password anywhere, even after a keyword that is written with % signs. */
static int may_hold_secret(const char *conninfo) {
        return strcasestr(conninfo, "pass") || strstr(conninfo, "://");
}

/*
 * libpq quotes the text that it did not understand: a whole URI, or the second word of a password
 * that lacks quotation marks. That text is hidden. A single quoted character is one that libpq
 * expected, and is kept.
 */
static void write_reason(const char *message, int must_hide, char *why, size_t size) {
        const char *first = strchr(message, '"'), *last = strrchr(message, '"');

        while (first && first < last && first[1] != '"' && first[2] == '"')
                first = strchr(first + 3, '"');
        if (must_hide && first && first < last)
                (void) snprintf(why, size, "%.*s\"" MASK "%s", (int) (first - message), message,
                                last);
        else
                (void) snprintf(why, size, "%s", message);
        make_line(why);
}

static int refuse_attrs(const char *value) {
        return !strcmp(value, "read-only") || !strcmp(value, "standby") ||
               !strcmp(value, "prefer-standby");
}

static int refuse_encoding(const char *value) {
        return strcasecmp(value, "UTF8") && strcasecmp(value, "UTF-8");
}

static int refuse_timeout(const char *value) {
        int64_t ignored;
        return parse_int64(value, 1, INT32_MAX, &ignored) != 0;
}

static int refuse_any(const char *value) {
        return *value != '\0';
}

static const struct {
        const char *keyword;
        int (*is_refused)(const char *value);
        const char *why;
} limits[] = {
        {"client_encoding", refuse_encoding, "the encoding is always UTF8"},
        {"connect_timeout", refuse_timeout, "connecting must end after a number of seconds"},
        {"replication", refuse_any, "jobs cannot be run over a replication connection"},
        {"target_session_attrs", refuse_attrs, "the server must accept writes"},
};

static int check_option(const PQconninfoOption *option, char *why, size_t size) {
        for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                if (!strcmp(limits[i].keyword, option->keyword) &&
                    limits[i].is_refused(option->val)) {
                        (void) snprintf(why, size, "%s=%s: %s", option->keyword, option->val,
                                        limits[i].why);
                        make_line(why);
                        return CONNINFO_E_INVALID;
                }
        return 0;
}

int conninfo_check(const char *conninfo, char *why, size_t size) {
        _cleanup_(message_freep) char *message = NULL;
        _cleanup_(options_freep) PQconninfoOption *options = PQconninfoParse(conninfo, &message);
        int r = 0;

        if (!options && !message)
                return error_origin(-ENOMEM);
        if (!options) {
                write_reason(message, may_hold_secret(conninfo), why, size);
                return CONNINFO_E_INVALID;
        }
        for (const PQconninfoOption *option = options; !r && option->keyword; option++)
                if (option->val)
                        r = check_option(option, why, size);
        return r;
}

int conninfo_has_keyword(const char *word) {
        _cleanup_(options_freep) PQconninfoOption *options = PQconninfoParse("", NULL);

        for (const PQconninfoOption *o = options; o && o->keyword; o++)
                if (!strcasecmp(o->keyword, word))
                        return 1;
        return 0;
}

int conninfo_has_value(const char *conninfo, const char *word) {
        _cleanup_(options_freep) PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

        for (const PQconninfoOption *o = options; o && o->keyword; o++)
                if (!strcmp(o->keyword, word))
                        return o->val && *o->val;
        return 0;
}

int conninfo_has_secret(const char *conninfo) {
        _cleanup_(options_freep) PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

        for (const PQconninfoOption *option = options; option && option->keyword; option++)
                if (option->val && is_secret(option))
                        return 1;
        return 0;
}

/* An upper bound: each character of a value takes two at most, and a value has quotation marks. */
static size_t printed_size(const PQconninfoOption *options) {
        size_t size = 1;
        for (const PQconninfoOption *option = options; option->keyword; option++)
                if (option->val)
                        size += strlen(option->keyword) + 2 * strlen(option->val) + sizeof(" =''") +
                                sizeof(MASK);
        return size;
}

static char *print_value(char *p, const char *value) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-_.,:/@*";

        if (*value && !value[strspn(value, plain)])
                return stpcpy(p, value);
        *p++ = '\'';
        for (; *value; value++) {
                if (*value == '\'' || *value == '\\')
                        *p++ = '\\';
                *p++ = *value;
        }
        *p++ = '\'';
        return p;
}

char *conninfo_printable(const char *conninfo) {
        _cleanup_(options_freep) PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
        char *text = options ? malloc(printed_size(options)) : NULL, *p = text;

        if (!text)
                return NULL;
        for (const PQconninfoOption *option = options; option->keyword; option++) {
                if (!option->val)
                        continue;
                if (p > text)
                        *p++ = ' ';
                p = stpcpy(stpcpy(p, option->keyword), "=");
                p = print_value(p, is_secret(option) ? MASK : option->val);
        }
        *p = '\0';
        make_line(text);
        return text;
}
