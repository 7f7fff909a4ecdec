/*
 * Rows of the database as JSON: numbers and booleans are such, times are in UTC, as
 * "2026-11-30T13:00:00Z", parameters and values of the type jsonb are what they say.
 */
#pragma once

#include <jansson.h>
#include <libpq-fe.h>

/* The first `columns` columns of a row as an object; NULL without memory. */
json_t *json_row(const PGresult *result, int row, int columns);
