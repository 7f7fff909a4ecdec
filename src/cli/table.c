/*
 * Widths are those of the first part, and grow with later ones. A column of times has the reader's
 * zone in its title; a time of another one, as in summer, says so itself.
 */
#include "cli/table.h"

#include <limits.h>
#include <stdio.h>

#include "cli/output.h"
#include "core/fit.h"
#include "util/macro.h"
#include "util/text.h"

#define NAME_WIDTH 20 /* in a record */
#define TITLE_SIZE 64
#define COLOR_ENDS "\033[0m"

/* The number of characters; a byte that is none is shown as one. */
static int width_of(const char *text) {
        uint32_t c;
        int width = 0;

        for (size_t n; (n = text_next(text, &c)); text += n)
                width++;
        return width;
}

static void title_of(const Table *table, const PGresult *result, size_t i, char title[TITLE_SIZE]) {
        const Column *column = &table->columns[i];
        int has_zone = *table->view.zone && cell_is_time(result, column->name);

        (void) snprintf(title, TITLE_SIZE, "%.40s%s%s%s", column->title, has_zone ? " (" : "",
                        has_zone ? table->view.zone : "", has_zone ? ")" : "");
}

/* Returns 1 when the column has a value in one of the rows. */
static int widen_column(Table *table, const PGresult *result, int rows, size_t i) {
        char title[TITLE_SIZE];
        int has_value = 0;
        Cell cell;

        title_of(table, result, i, title);
        table->widths[i] = MAX_OF(table->widths[i], width_of(title));
        for (int row = 0; row < rows; row++) {
                cell_read(&table->view, table->view.zone, result, row, table->columns[i].name,
                          &cell);
                has_value |= *cell.text != '\0';
                table->widths[i] = MAX_OF(table->widths[i], width_of(cell.text));
        }
        return has_value;
}

/* Which columns there are the first part decides; empty ones are the first to go. */
static void widen(Table *table, const PGresult *result, int rows) {
        int may_cut[COLUMNS_MAX] = {0}, spare[COLUMNS_MAX] = {0};

        for (size_t i = 0; i < table->n; i++) {
                const char *name = table->columns[i].name;

                if (table->has_begun && table->widths[i] == FIT_HIDDEN)
                        continue;
                spare[i] = widen_column(table, result, rows, i) || !rows ? cell_spare(name) * 2 : 1;
                may_cut[i] = cell_may_be_cut(result, name);
        }
        if (!table->view.is_terminal)
                return;
        if (!table->has_begun)
                fit_leave_out(table->widths, may_cut, spare, table->n, table->view.width);
        fit_columns(table->widths, may_cut, table->n, table->view.width);
}

static int is_last_shown(const Table *table, size_t i) {
        while (++i < table->n)
                if (table->widths[i] != FIT_HIDDEN)
                        return 0;
        return 1;
}

static void print_cell(const Table *table, size_t i, const char *text, const char *color) {
        int width = table->widths[i];

        if (width == FIT_HIDDEN)
                return;
        if (color)
                (void) fputs(color, stdout);
        output_cut(text, width);
        if (color)
                (void) fputs(COLOR_ENDS, stdout);
        if (!is_last_shown(table, i))
                (void) printf("%*s", MAX_OF(width - width_of(text), 0) + FIT_GAP, "");
}

static void end_line(const Table *table) {
        (void) fputs(table->line_end ? table->line_end : "\n", stdout);
}

static void print_titles(const Table *table, const PGresult *result) {
        char title[TITLE_SIZE];

        for (size_t i = 0; i < table->n; i++) {
                title_of(table, result, i, title);
                print_cell(table, i, title, NULL);
        }
        end_line(table);
}

void table_add(Table *table, const PGresult *result, int rows) {
        int has_titles = table->has_begun;

        if (!has_titles)
                view_of_output(&table->view);
        table->n = MIN_OF(table->n, (size_t) COLUMNS_MAX);
        widen(table, result, rows);
        if (!has_titles)
                print_titles(table, result);
        table->has_begun = 1;
        for (int row = 0; row < rows; row++) {
                for (size_t i = 0; i < table->n; i++) {
                        Cell cell;
                        cell_read(&table->view, table->view.zone, result, row,
                                  table->columns[i].name, &cell);
                        print_cell(table, i, cell.text, cell.color);
                }
                end_line(table);
        }
}

void table_print(const PGresult *result, const Column *columns, size_t n) {
        Table table = {.columns = columns, .n = n};
        table_add(&table, result, PQntuples(result));
}

void table_print_record(const PGresult *result, int row) {
        View view;

        view_of_output(&view);
        for (int i = 0; i < PQnfields(result); i++) {
                const char *name = PQfname(result, i);
                Cell cell;

                cell_read(&view, "", result, row, name, &cell);
                if (!*cell.text)
                        continue;
                (void) printf("%-*s %s", NAME_WIDTH, name, cell.color ? cell.color : "");
                output_cut(cell.text, INT_MAX);
                (void) printf("%s\n", cell.color ? COLOR_ENDS : "");
        }
}

void table_print_line(const char *name, const char *value) {
        (void) printf("%-*s ", NAME_WIDTH, name);
        output_line(value);
}
