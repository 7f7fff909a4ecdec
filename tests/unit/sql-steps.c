#include "sql-steps.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKENS_MAX 20000

/* Words with their dots and quotation marks, strings, parameters, and single signs. Casts are left
 * out. */
typedef struct Reader {
        StepValue tokens[TOKENS_MAX + 1];
        size_t n;
        SqlSteps *steps;
} Reader;

static void refuse(Reader *r, const char *why, size_t i) {
        if (!*r->steps->problem)
                (void) snprintf(r->steps->problem, sizeof(r->steps->problem), "%s near '%.40s'",
                                why, i < r->n ? r->tokens[i].at : "the end");
}

static size_t token_length(const char *p) {
        size_t n = 1;

        if (*p == '\'') {
                while (p[n] && p[n] != '\'')
                        n++;
                return n + (p[n] != '\0');
        }
        if (isalnum((unsigned char) *p) || strchr("_$\"", *p))
                while (isalnum((unsigned char) p[n]) || (p[n] && strchr("_$\".", p[n])))
                        n++;
        return n;
}

static const char *skip_cast(const char *p) {
        p += 2;
        p += token_length(p);
        return strncmp(p, "[]", 2) ? p : p + 2;
}

static void split(Reader *r, const char *p) {
        while (*p && r->n < TOKENS_MAX) {
                if (isspace((unsigned char) *p)) {
                        p++;
                } else if (!strncmp(p, "--", 2)) {
                        p += strcspn(p, "\n");
                } else if (!strncmp(p, "::", 2)) {
                        p = skip_cast(p);
                } else {
                        size_t n = token_length(p);
                        r->tokens[r->n++] = (StepValue){p, n};
                        p += n;
                }
        }
        if (*p)
                refuse(r, "too long a text", 0);
}

static int is(const Reader *r, size_t i, const char *word) {
        return i < r->n && strlen(word) == r->tokens[i].length &&
               !strncasecmp(r->tokens[i].at, word, r->tokens[i].length);
}

static int is_any(const Reader *r, size_t i, const char *const words[]) {
        for (; *words; words++)
                if (is(r, i, *words))
                        return 1;
        return 0;
}

static int is_jobs(const Reader *r, size_t i) {
        static const char *const names[] = {
                "public.jobs", "jobs", "\"jobs\"", "public.\"jobs\"", "\"public\".\"jobs\"", NULL};
        return is_any(r, i, names);
}

/* "status", or that of a table: "j.status". `alias` may be NULL. */
static int is_status(const Reader *r, size_t i, const char **alias, size_t *length) {
        if (i >= r->n)
                return 0;
        StepValue token = r->tokens[i];
        int is_qualified = token.length > 7 && token.at[token.length - 7] == '.';
        size_t start = is_qualified ? token.length - 6 : 0;

        if (token.length - start != 6 || strncasecmp(token.at + start, "status", 6))
                return 0;
        if (alias) {
                *alias = token.at;
                *length = is_qualified ? start - 1 : 0;
        }
        return 1;
}

static int is_value(const Reader *r, size_t i) {
        return i < r->n && (*r->tokens[i].at == '\'' || *r->tokens[i].at == '$');
}

/* The end of what begins at `i`: one of the words, a comma if it may end there, or the parenthesis
 * around it. */
static size_t find_end(const Reader *r, size_t i, const char *const words[]) {
        for (int depth = 0; i < r->n; i++) {
                if (!depth && (is_any(r, i, words) || is(r, i, ")") || is(r, i, ";")))
                        break;
                depth += is(r, i, "(") - is(r, i, ")");
        }
        return i;
}

/* ---- UPDATE ---- */

static size_t read_assignments(Reader *r, size_t i, StepWrite *write) {
        static const char *const ends[] = {",", "FROM", "WHERE", "RETURNING", NULL};

        for (;;) {
                size_t end = find_end(r, i, ends);
                if (is(r, i, "("))
                        refuse(r, "a list of columns in SET", i);
                if (is_status(r, i, NULL, NULL)) {
                        if (!is(r, i + 1, "=") || !is_value(r, i + 2) || end != i + 3)
                                refuse(r, "a status that is neither literal nor parameter", i);
                        else
                                write->to = r->tokens[i + 2];
                }
                if (!is(r, end, ","))
                        return end;
                i = end + 1;
        }
}

/* One table's status in a WHERE, and what is compared with it. */
typedef struct Condition {
        const char *alias;
        size_t length;
        size_t first, last; /* tokens of literals; 0: none */
        StepValue array;    /* or a parameter */
        const char *other;  /* or the status of another table */
        size_t other_length;
} Condition;

static int read_condition(Reader *r, size_t i, Condition *c) {
        if (!is_status(r, i, &c->alias, &c->length))
                return 0;
        if (is(r, i - 1, "NOT"))
                refuse(r, "NOT", i);
        if (is(r, i - 1, "=")) /* the other side was read */
                return 0;
        if (is(r, i + 1, "=") && is_status(r, i + 2, &c->other, &c->other_length))
                return 1;
        if (is(r, i + 1, "=") && is_value(r, i + 2)) {
                if (*r->tokens[i + 2].at == '$')
                        c->array = r->tokens[i + 2];
                else
                        c->first = c->last = i + 2;
        } else if (is(r, i + 1, "=") && is(r, i + 2, "ANY") && is(r, i + 3, "(") &&
                   is_value(r, i + 4)) {
                c->array = r->tokens[i + 4];
        } else if (is(r, i + 1, "IN") && is(r, i + 2, "(")) {
                static const char *const none[] = {NULL};
                c->first = i + 3;
                c->last = find_end(r, i + 3, none) - 1;
        } else {
                refuse(r, "a comparison of a status", i);
        }
        return 1;
}

static void add_literals(Reader *r, const Condition *c, StepWrite *write) {
        if (write->n_from && c->first)
                refuse(r, "two lists of statuses", c->first);
        for (size_t i = c->first; c->first && i <= c->last; i++) {
                if (is(r, i, ","))
                        continue;
                if (!is_value(r, i) || write->n_from == STEPS_MAX)
                        refuse(r, "a list of statuses", i);
                else
                        write->from[write->n_from++] = r->tokens[i];
        }
}

static int is_of(const Condition *c, const char *alias, size_t length) {
        return c->length == length && !strncasecmp(c->alias, alias, length);
}

/* What must be true of the row that is changed: of its own status, or of one that equals it. */
static void read_where(Reader *r, size_t i, size_t end, StepValue alias, StepWrite *write) {
        Condition conditions[STEPS_MAX] = {0}, *linked = NULL;
        size_t n = 0, n_own = 0;
        int depth = 0;

        for (; i < end && n < STEPS_MAX; i++) {
                depth += is(r, i, "(") - is(r, i, ")");
                if (!depth && is(r, i, "OR"))
                        refuse(r, "OR", i);
                if (!depth && read_condition(r, i, &conditions[n]))
                        n++;
        }
        for (size_t k = 0; k < n; k++) {
                if (!is_of(&conditions[k], alias.at, alias.length))
                        continue;
                n_own++;
                if (conditions[k].other)
                        linked = &conditions[k];
        }
        for (size_t k = 0; k < n; k++)
                if (is_of(&conditions[k], alias.at, alias.length) ||
                    (linked && is_of(&conditions[k], linked->other, linked->other_length))) {
                        add_literals(r, &conditions[k], write);
                        if (conditions[k].array.at)
                                write->from_array = conditions[k].array;
                }
        if (!n_own || (!write->n_from && !write->from_array.at))
                refuse(r, "the status that is expected is missing", end);
        if (write->n_from)
                write->from_array = (StepValue){0};
}

static void read_update(Reader *r, size_t i) {
        static const char *const ends[] = {"RETURNING", NULL}, *const wheres[] = {"WHERE", NULL};
        StepWrite write = {0};

        i += is(r, i, "AS");
        StepValue alias = is(r, i, "SET") ? (StepValue){"", 0} : r->tokens[i];
        i += !is(r, i, "SET");
        if (!is(r, i, "SET")) {
                refuse(r, "an UPDATE", i);
                return;
        }
        i = read_assignments(r, i + 1, &write);
        if (!write.to.at)
                return;
        i = find_end(r, i, wheres);
        read_where(r, i + 1, find_end(r, i, ends), alias, &write);
        r->steps->writes[r->steps->n_writes++] = write;
}

/* ---- INSERT ---- */

/* Moves to the item number `n` of a list. */
static size_t find_item(const Reader *r, size_t i, size_t n) {
        static const char *const comma[] = {",", NULL};
        for (; n; n--)
                i = find_end(r, i, comma) + 1;
        return i;
}

static void read_insert(Reader *r, size_t i) {
        static const char *const ends[] = {",", "FROM", NULL};
        StepWrite write = {.is_insert = 1};
        size_t n = 0;

        if (!is(r, i, "(")) {
                refuse(r, "an INSERT without columns", i);
                return;
        }
        for (i++; !is(r, i, ")") && !is_status(r, i, NULL, NULL) && i < r->n; i++)
                n += is(r, i, ",");
        if (!is_status(r, i, NULL, NULL))
                return;
        while (i < r->n && !is(r, i, ")"))
                i++;
        if (is(r, i + 1, "VALUES") && is(r, i + 2, "("))
                i = find_item(r, i + 3, n);
        else if (is(r, i + 1, "SELECT"))
                i = find_item(r, i + 2, n);
        else
                refuse(r, "an INSERT", i + 1);
        if (!is_value(r, i) || find_end(r, i, ends) != i + 1)
                refuse(r, "a status that is neither literal nor parameter", i);
        write.to = r->tokens[i];
        r->steps->writes[r->steps->n_writes++] = write;
}

/* ---- all of it ---- */

static void read_statements(Reader *r) {
        for (size_t i = 0; i < r->n && r->steps->n_writes < STEPS_MAX; i++) {
                size_t table = i + 1 + (size_t) is(r, i + 1, "ONLY");
                if (is(r, i, "UPDATE") && is_jobs(r, table))
                        read_update(r, table + 1);
                else if (is(r, i, "INTO") && is_jobs(r, i + 1) && is(r, i - 1, "INSERT"))
                        read_insert(r, i + 2);
                else if (is(r, i, "INTO") && is_jobs(r, i + 1))
                        refuse(r, "neither UPDATE nor INSERT", i - 1);
                else if ((is(r, i, "jobd.follow") || is(r, i, "jobd.follow_on")) &&
                         is(r, i + 3, ",") && is_value(r, i + 4))
                        r->steps->follows[r->steps->n_follows++] = r->tokens[i + 4];
        }
}

static void read_declared(const char *text, SqlSteps *steps) {
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += strspn(line, " \n");
                if (strncmp(line, "-- step:", 8))
                        continue;
                const char *p = line + 7, *end = line + strcspn(line, "\n");
                int n = 0;
                while (p < end && steps->n_declared < STEPS_MAX) {
                        StepDeclared *d = &steps->declared[steps->n_declared];
                        *d = (StepDeclared){0};
                        if (sscanf(p + 1, " %31[a-z ](%31[A-Z,] -> %7[A-Z])%n", d->event, d->from,
                                   d->to, &n) != 3 &&
                            sscanf(p + 1, " %31[a-z ](-> %7[A-Z])%n", d->event, d->to, &n) != 2) {
                                (void) snprintf(steps->problem, sizeof(steps->problem),
                                                "'-- step:' is EVENT (FROM,FROM -> TO), ...");
                                return;
                        }
                        for (size_t k = strlen(d->event); k && d->event[k - 1] == ' '; k--)
                                d->event[k - 1] = '\0';
                        steps->n_declared++;
                        p += 1 + n;
                }
        }
}

void sql_steps_read(const char *text, SqlSteps *ret) {
        static Reader reader;

        *ret = (SqlSteps){0};
        reader.n = 0;
        reader.steps = ret;
        split(&reader, text);
        read_declared(text, ret);
        read_statements(&reader);
}

void sql_steps_value(StepValue value, char text[16]) {
        int is_string = value.length > 1 && *value.at == '\'';
        (void) snprintf(text, 16, "%.*s", (int) value.length - 2 * is_string, value.at + is_string);
}
