/* Every metric that registry-job(1) describes, but for registry_jobd_database_up. */
#pragma once

#include <stddef.h>

#include "core/counters.h"

/* A column of metrics_cos or metrics_supervisors, for each row. */
typedef struct MetricsGauge {
        const char *name, *help, *column;
} MetricsGauge;

extern const MetricsGauge metrics_of_cos[];
extern const size_t metrics_n_of_cos;
extern const MetricsGauge metrics_of_supervisors[];
extern const size_t metrics_n_of_supervisors;

/* One count of a supervisor; `label` tells it from others of its metric, if there are others. */
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
        unsigned first; /* bound that is told apart: what is below is not measured so finely */
        WorkCount buckets, sum;
        double unit; /* of the sum, in seconds */
} MetricsHistogram;

extern const MetricsHistogram metrics_histograms[];
extern const size_t metrics_n_histograms;
