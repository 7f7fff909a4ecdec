/* Writes metrics in the text format of Prometheus. */
#pragma once

#include <libpq-fe.h>
#include <stdio.h>

/* Writes `name="value"`. */
void metrics_put_label(FILE *to, const char *name, const char *value);

/* `label` becomes the first label of each metric: "", or what metrics_put_label() wrote. */
void metrics_put_up(FILE *to, const char *label, int is_up);

/* Writes the first `max` rows of metrics_cos. */
void metrics_put_cos(FILE *to, const char *label, const PGresult *rows, int max);

/* Writes the first `max` rows of metrics_models. */
void metrics_put_models(FILE *to, const char *label, const PGresult *rows, int max);

/* Writes the first `max` rows of metrics_supervisors. Returns 0 or -ENOMEM. */
int metrics_put_supervisors(FILE *to, const char *label, const PGresult *rows, int max);
