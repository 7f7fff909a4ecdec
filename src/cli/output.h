/* Rows of the database as a table for people, or as JSON for programs. */
#pragma once

#include <jansson.h>
#include <libpq-fe.h>

typedef struct Column {
        const char *title;
        const char *name; /* of the result's column */
} Column;

/* The named columns, padded; a last column that is too wide for the terminal is cut. */
void output_table(const PGresult *result, const Column *columns, size_t n);

/* All columns of one row, a line each; empty ones are left out. */
void output_record(const PGresult *result, int row);

/* All rows as an array of objects, or row 0 as one object. Numbers and booleans stay such. */
void output_json(const PGresult *result, int is_single);

/* The value of a named column, "" for NULL. */
const char *output_value(const PGresult *result, int row, const char *name);

/* One line of text, with control characters made harmless. */
void output_line(const char *text);

/* The same as one JSON document. Takes `value`; CLI_OK, or CLI_FAILED when it could not be made. */
int output_value_json(json_t *value);
