/* The metrics that registry-job(1) describes; registry_jobd_database_up is in metrics_text.c. */
#pragma once

#include <stddef.h>

#include "core/counters.h"

/* A metric with the value of a column, for each row of metrics_cos or metrics_supervisors. */
typedef struct MetricsGauge {
        const char *name, *help, *column;
} MetricsGauge;

extern const MetricsGauge metrics_of_cos[];
extern const size_t metrics_n_of_cos;
extern const MetricsGauge metrics_of_supervisors[];
extern const size_t metrics_n_of_supervisors;

#define METRICS_STATUSES 3

/* A metric of each row of metrics_models: one value, or one for each status. */
typedef struct MetricsModel {
        const char *name, *type, *help;
        size_t n;
        struct {
                const char *status, *column; /* status NULL: without that label */
        } series[METRICS_STATUSES];
} MetricsModel;

extern const MetricsModel metrics_of_models[];
extern const size_t metrics_n_of_models;

/* What is guessed about the running job of a CO, for each row of metrics_cos; see core/progress.h.
 */
typedef struct MetricsGuess {
        const char *name, *help;
        int is_left; /* the time left, otherwise the rate */
} MetricsGuess;

#define METRICS_GUESSES 2
extern const MetricsGuess metrics_guesses[METRICS_GUESSES];

/* One count of a supervisor. `label` tells it from other counts of its metric; NULL: it is the only
 * one. */
typedef struct MetricsSeries {
        const char *label;
        int is_work; /* `count` is a WorkCount, otherwise a Count */
        int count;
} MetricsSeries;

#define METRICS_SERIES 4

typedef struct MetricsCounter {
        const char *name, *help;
        size_t n;
        MetricsSeries series[METRICS_SERIES];
} MetricsCounter;

extern const MetricsCounter metrics_counters[];
extern const size_t metrics_n_counters;

typedef struct MetricsHistogram {
        const char *name, *help;
        unsigned first; /* the first bound that is printed: shorter times are not measured */
        WorkCount buckets, sum;
        double unit; /* unit of the sum, in seconds */
} MetricsHistogram;

extern const MetricsHistogram metrics_histograms[];
extern const size_t metrics_n_histograms;
