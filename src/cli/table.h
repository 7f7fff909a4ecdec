/* Prints rows of the database for people. */
#pragma once

#include <libpq-fe.h>
#include <stddef.h>

#include "cli/cell.h"

typedef struct Column {
        const char *title;
        const char *name; /* the column of the result */
} Column;

#define COLUMNS_MAX 16

/* A table that is printed in parts. All zero but `columns` and `n` is one of which nothing is. */
typedef struct Table {
        const Column *columns;
        size_t n;
        int has_begun;        /* the titles were printed, and the rest is known */
        const char *line_end; /* what ends a line; NULL: a newline */
        View view;
        int widths[COLUMNS_MAX]; /* without a terminal they only grow from part to part */
} Table;

/*
 * Prints `rows` rows, before the first ones the titles. `result` may be NULL without rows. On a
 * terminal the longest texts are cut to its width, but no number, no status and no time; where that
 * is not enough, columns are left out: those that are empty in the first part, and those of which
 * cell_spare() knows.
 */
void table_add(Table *table, const PGresult *result, int rows);

/* Prints the named columns of all rows. */
void table_print(const PGresult *result, const Column *columns, size_t n);

/* Prints one row, a line for each column that is not empty. */
void table_print_record(const PGresult *result, int row);

/* Prints one more line of a record, of a value that its row does not have. */
void table_print_line(const char *name, const char *value);
