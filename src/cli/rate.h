/* Rate and time left of a job, from percent_complete and running_seconds, and status, of a row. */
#pragma once

#include <jansson.h>
#include <libpq-fe.h>

#include "core/progress.h"

/* Returns 1, or 0 when nothing is known, as of a job that is not in progress. See core/progress.h.
 */
int rate_read(const PGresult *result, int row, Progress *ret);

/* Adds "percent_per_hour" and "seconds_left" to an object; null when nothing is known. */
void rate_add_json(const PGresult *result, int row, json_t *object);
