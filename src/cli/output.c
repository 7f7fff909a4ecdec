#include "cli/output.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/job.h"
#include "db/exchange.h"
#include "util/macro.h"

#define COLUMNS_MAX 16
#define BOOL_OID 16
#define INT8_OID 20
#define INT4_OID 23
#define JSONB_OID 3802

const char *output_value(const PGresult *result, int row, const char *name) {
        int column = PQfnumber(result, name);
        const char *value = column < 0 ? NULL : db_text(result, row, column);
        return value ? value : "";
}

/* Statuses are shown by their names; history records have one that jobs have not. */
static const char *shown(const PGresult *result, int row, const char *name) {
        const char *value = output_value(result, row, name);
        if (strcmp(name, "status") != 0)
                return value;
        if (!strcmp(value, "NT"))
                return "notice";
        JobState state = job_state_parse(value);
        return state ? job_state_name(state) : value;
}

/* Characters, not bytes: continuation bytes have no width. */
static int width_of(const char *text) {
        int width = 0;
        for (; *text; text++)
                width += (*text & 0xc0) != 0x80;
        return width;
}

static int terminal_width(void) {
        struct winsize size;
        if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
                return 100000;
        return size.ws_col;
}

/* At most `width` characters, with control characters made harmless. */
static void print_cut(const char *text, int width) {
        for (; *text; text++) {
                if ((*text & 0xc0) != 0x80 && width-- <= 0)
                        return;
                (void) putchar((unsigned char) *text < 0x20 || *text == 0x7f ? ' ' : *text);
        }
}

static void print_row(const char *const texts[], const int widths[], size_t n, int terminal) {
        int used = 0;
        for (size_t i = 0; i < n; i++) {
                int is_last = i == n - 1;
                int room = MAX_OF(terminal - used, 10);
                print_cut(texts[i], is_last ? room : widths[i]);
                if (!is_last)
                        (void) printf("%*s", widths[i] - width_of(texts[i]) + 2, "");
                used += widths[i] + 2;
        }
        (void) putchar('\n');
}

void output_table(const PGresult *result, const Column *columns, size_t n) {
        const char *texts[COLUMNS_MAX];
        int widths[COLUMNS_MAX], terminal = terminal_width();

        n = MIN_OF(n, (size_t) COLUMNS_MAX);
        for (size_t i = 0; i < n; i++) {
                texts[i] = columns[i].title;
                widths[i] = width_of(texts[i]);
                for (int row = 0; row < PQntuples(result); row++)
                        widths[i] =
                                MAX_OF(widths[i], width_of(shown(result, row, columns[i].name)));
        }
        print_row(texts, widths, n, terminal);
        for (int row = 0; row < PQntuples(result); row++) {
                for (size_t i = 0; i < n; i++)
                        texts[i] = shown(result, row, columns[i].name);
                print_row(texts, widths, n, terminal);
        }
}

void output_record(const PGresult *result, int row) {
        for (int i = 0; i < PQnfields(result); i++) {
                const char *name = PQfname(result, i), *value = shown(result, row, name);
                if (!*value)
                        continue;
                (void) printf("%-20s ", name);
                print_cut(value, 100000);
                (void) putchar('\n');
        }
}

static json_t *json_value(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        json_t *value = NULL;

        if (!text)
                return json_null();
        switch (PQftype(result, column)) {
        case BOOL_OID:
                return json_boolean(*text == 't');
        case INT4_OID:
        case INT8_OID:
                return json_integer(db_int(result, row, column));
        }
        if (PQftype(result, column) == JSONB_OID)
                value = json_loads(text, JSON_DECODE_ANY, NULL);
        else if (!strcmp(PQfname(result, column), "parameters"))
                value = json_loads(text, 0, NULL);
        return value ? value : json_string(text);
}

static json_t *json_row(const PGresult *result, int row) {
        json_t *object = json_object();
        for (int i = 0; i < PQnfields(result); i++)
                (void) json_object_set_new(object, PQfname(result, i), json_value(result, row, i));
        return object;
}

void output_json(const PGresult *result, int is_single) {
        json_t *all = is_single ? json_row(result, 0) : json_array();

        for (int row = 0; !is_single && row < PQntuples(result); row++)
                (void) json_array_append_new(all, json_row(result, row));
        (void) json_dumpf(all, stdout, JSON_INDENT(2));
        (void) putchar('\n');
        json_decref(all);
}

void output_line(const char *text) {
        print_cut(text, INT_MAX);
        (void) putchar('\n');
}

int output_value_json(json_t *value) {
        if (!value) {
                cli_say("out of memory");
                return CLI_FAILED;
        }
        (void) json_dumpf(value, stdout, JSON_INDENT(2));
        (void) putchar('\n');
        json_decref(value);
        return CLI_OK;
}
