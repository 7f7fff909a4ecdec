/* The text form in which Prometheus reads metrics. */
#pragma once

#include <libpq-fe.h>
#include <stdio.h>

/* Writes `name="value"`. */
void metrics_put_label(FILE *to, const char *name, const char *value);

/* `label` stands in front of those of each metric: "" or what metrics_put_label() writes. */
void metrics_put_up(FILE *to, const char *label, int is_up);

/* Rows of metrics_cos, at most `max` of them. */
void metrics_put_cos(FILE *to, const char *label, const PGresult *rows, int max);

/* Rows of metrics_supervisors. Returns 0 or -ENOMEM. */
int metrics_put_supervisors(FILE *to, const char *label, const PGresult *rows);
