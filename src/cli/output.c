/*
 * Texts of rows may come from anybody: no control character of theirs reaches a terminal. In a text
 * for people something visible stands in its place; in JSON it is escaped, so that nothing is lost.
 * Only the terminal cuts a text; what goes to a file or a pipe is whole.
 */
#include "cli/output.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/json_text.h"
#include "db/exchange.h"
#include "db/json_row.h"
#include "util/text.h"

const char *output_value(const PGresult *result, int row, const char *name) {
        int column = PQfnumber(result, name);
        const char *value = column < 0 ? NULL : db_text(result, row, column);
        return value ? value : "";
}

void output_cut(const char *text, int width) {
        char shown[5];
        uint32_t c;

        for (size_t n; width-- > 0 && (n = text_next(text, &c)); text += n) {
                memcpy(shown, text, n);
                shown[n] = '\0';
                text_make_line(shown);
                (void) fputs(shown, stdout);
        }
}

/* jansson escapes what is below U+0020. The other controls stand in strings, if anywhere. */
static void put_json(const char *json) {
        uint32_t c;

        for (size_t n; (n = text_next(json, &c)); json += n)
                if (c >= 0x7f && text_is_control(c))
                        (void) printf("\\u%04X", c);
                else
                        (void) fwrite(json, 1, n, stdout);
}

/* Prints `before`, the value, and `after`. */
static int print_json(const char *before, json_t *value, size_t flags, const char *after) {
        _cleanup_(freep) char *json = value ? json_text(value, flags) : NULL;

        json_decref(value);
        if (!json)
                return cli_say_memory();
        (void) fputs(before, stdout);
        put_json(json);
        (void) fputs(after, stdout);
        return CLI_OK;
}

json_t *output_rows(const PGresult *result) {
        json_t *all = json_array();

        for (int row = 0; row < PQntuples(result); row++)
                (void) json_array_append_new(all, json_row(result, row, PQnfields(result)));
        return all;
}

int output_array_add(OutputArray *array, json_t *value) {
        const char *before = array->has_begun ? ",\n" : "[\n";

        array->has_begun = 1;
        return print_json(before, value, JSON_INDENT(2), "");
}

void output_array_end(OutputArray *array) {
        (void) fputs(array->has_begun ? "\n]\n" : "[]\n", stdout);
}

int output_json(const PGresult *result, int is_single) {
        return output_value_json(is_single ? json_row(result, 0, PQnfields(result))
                                           : output_rows(result));
}

void output_line(const char *text) {
        output_cut(text, INT_MAX);
        (void) putchar('\n');
}

int output_value_json(json_t *value) {
        return print_json("", value, JSON_INDENT(2), "\n");
}

int output_line_json(json_t *value) {
        return print_json("", value, JSON_COMPACT, "\n");
}
