/* Prints lines for people, and rows of the database as JSON for programs. */
#pragma once

#include <jansson.h>
#include <libpq-fe.h>

/*
 * Prints all rows as an array of objects, or row 0 as one object, with numbers and booleans; times
 * are in UTC, as "2026-11-30T13:00:00Z".
 * Returns CLI_OK, or CLI_FAILED when there was no memory.
 */
int output_json(const PGresult *result, int is_single);

/* All rows as an array of objects; NULL without memory. */
json_t *output_rows(const PGresult *result);

/* An array that is printed value by value. All zero is one of which nothing is. */
typedef struct OutputArray {
        int has_begun;
} OutputArray;

/* Prints and frees the next value. Returns CLI_OK, or CLI_FAILED for NULL: there was no memory. */
int output_array_add(OutputArray *array, json_t *value);

/* Ends the array. One that is not ended is no JSON: nobody takes it for whole. */
void output_array_end(OutputArray *array);

/* The value of a named column; "" for NULL. */
const char *output_value(const PGresult *result, int row, const char *name);

/* Prints at most `width` characters, each as text_make_line() leaves it. */
void output_cut(const char *text, int width);

/* Prints one line, as text_make_line() leaves it. */
void output_line(const char *text);

/* Prints and frees a JSON value. Returns CLI_OK, or CLI_FAILED for NULL: there was no memory. */
int output_value_json(json_t *value);

/* As output_value_json(), on one line. */
int output_line_json(json_t *value);
