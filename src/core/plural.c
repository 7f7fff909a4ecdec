/*
 * One table of endings, of which the first that fits counts. A parameter whose table has another
 * name declares the table itself.
 */
#include "core/plural.h"

#include <stdio.h>
#include <string.h>

#include "util/macro.h"

static int ends_with(const char *text, size_t length, const char *end) {
        size_t n = strlen(end);
        return length >= n && !memcmp(text + length - n, end, n);
}

void plural_table(const char *parameter, char *table, size_t size) {
        static const struct {
                const char *end;
                size_t drop;
                const char *add;
        } rules[] = {
                {"person", 4, "ople"}, {"status", 0, "es"}, {"ss", 0, "es"}, {"sh", 0, "es"},
                {"ch", 0, "es"},       {"x", 0, "es"},      {"ay", 0, "s"},  {"ey", 0, "s"},
                {"oy", 0, "s"},        {"y", 1, "ies"},     {"", 0, "s"},
        };

        size_t length = strlen(parameter);
        if (ends_with(parameter, length, "_id"))
                length -= 3;
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                if (ends_with(parameter, length, rules[i].end)) {
                        (void) snprintf(table, size, "%.*s%s", (int) (length - rules[i].drop),
                                        parameter, rules[i].add);
                        return;
                }
}
