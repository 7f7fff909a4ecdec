/*
 * The format requires that all lines of a metric stand together: for each metric of the table, all
 * rows are visited. An unknown value has no line.
 */
#include "cli/metrics_text.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/metrics_table.h"
#include "cli/output.h"
#include "cli/rate.h"
#include "util/error.h"
#include "util/macro.h"
#include "util/text.h"

#define VALUE_SIZE 64

/* A row of metrics_supervisors: its labels and counts. */
typedef struct Source {
        char *labels;
        int is_counted; /* `counts` is valid */
        CountersRead counts;
} Source;

static void put_family(FILE *to, const char *name, const char *type, const char *help) {
        (void) fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_put_label(FILE *to, const char *name, const char *value) {
        uint32_t c;

        (void) fprintf(to, "%s=\"", name);
        for (size_t n; (n = text_next(value, &c)); value += n) {
                if (c == '\n')
                        (void) fputs("\\n", to);
                else if (c == '\\' || c == '"')
                        (void) fprintf(to, "\\%c", *value);
                else if (text_is_control(c))
                        (void) fputc('?', to);
                else
                        (void) fwrite(value, 1, n, to);
        }
        (void) fputc('"', to);
}

/* Writes a label that follows another one. */
static void put_next_label(FILE *to, const char *name, const char *value) {
        (void) fputc(',', to);
        metrics_put_label(to, name, value);
}

void metrics_put_up(FILE *to, const char *label, int is_up) {
        static const char name[] = "registry_jobd_database_up";

        put_family(to, name, "gauge", "1 while the database of the Registry answers.");
        (void) fprintf(to, "%s%s%s%s %d\n", name, *label ? "{" : "", label, *label ? "}" : "",
                       is_up);
}

static void put_of_co(FILE *to, const char *name, const char *label, const PGresult *rows, int row,
                      const char *value) {
        (void) fprintf(to, "%s{%s%s", name, label, *label ? "," : "");
        metrics_put_label(to, "co_id", output_value(rows, row, "co_id"));
        put_next_label(to, "co", output_value(rows, row, "co"));
        (void) fprintf(to, "} %s\n", value);
}

static void put_guesses(FILE *to, const char *label, const PGresult *rows, int n) {
        for (size_t i = 0; i < METRICS_GUESSES; i++) {
                const MetricsGuess *guess = &metrics_guesses[i];
                put_family(to, guess->name, "gauge", guess->help);
                for (int row = 0; row < n; row++) {
                        Progress progress;
                        char value[VALUE_SIZE];
                        if (!rate_read(rows, row, &progress))
                                continue;
                        (void) snprintf(value, sizeof(value), "%.3f",
                                        guess->is_left ? (double) progress.seconds_left
                                                       : progress.percent_per_hour);
                        put_of_co(to, guess->name, label, rows, row, value);
                }
        }
}

void metrics_put_cos(FILE *to, const char *label, const PGresult *rows, int max) {
        int n = MIN_OF(PQntuples(rows), max);

        for (size_t i = 0; i < metrics_n_of_cos; i++) {
                const MetricsGauge *gauge = &metrics_of_cos[i];
                put_family(to, gauge->name, "gauge", gauge->help);
                for (int row = 0; row < n; row++) {
                        const char *value = output_value(rows, row, gauge->column);
                        if (*value)
                                put_of_co(to, gauge->name, label, rows, row, value);
                }
        }
        put_guesses(to, label, rows, n);
}

static void put_model(FILE *to, const MetricsModel *metric, const char *label, const PGresult *rows,
                      int row) {
        for (size_t i = 0; i < metric->n; i++) {
                const char *value = output_value(rows, row, metric->series[i].column);
                if (!*value)
                        continue;
                (void) fprintf(to, "%s{%s%s", metric->name, label, *label ? "," : "");
                metrics_put_label(to, "model", output_value(rows, row, "model"));
                if (metric->series[i].status)
                        put_next_label(to, "status", metric->series[i].status);
                (void) fprintf(to, "} %s\n", value);
        }
}

void metrics_put_models(FILE *to, const char *label, const PGresult *rows, int max) {
        int n = MIN_OF(PQntuples(rows), max);

        for (size_t i = 0; i < metrics_n_of_models; i++) {
                const MetricsModel *metric = &metrics_of_models[i];
                put_family(to, metric->name, metric->type, metric->help);
                for (int row = 0; row < n; row++)
                        put_model(to, metric, label, rows, row);
        }
}

static char *labels_of(const char *label, const PGresult *rows, int row) {
        char *labels = NULL;
        size_t size;
        FILE *to = open_memstream(&labels, &size);

        if (!to)
                return NULL;
        (void) fprintf(to, "%s%s", label, *label ? "," : "");
        metrics_put_label(to, "host", output_value(rows, row, "host"));
        put_next_label(to, "pid", output_value(rows, row, "pid"));
        put_next_label(to, "kind", output_value(rows, row, "kind"));
        put_next_label(to, "id", output_value(rows, row, "id"));
        return fclose(to) ? NULL : labels;
}

static void put_gauges(FILE *to, const Source *sources, const PGresult *rows, int n) {
        static const char info[] = "registry_jobd_supervisor_info";

        put_family(to, info, "gauge", "1 for each daemon or command that takes part.");
        for (int row = 0; row < n; row++) {
                (void) fprintf(to, "%s{%s", info, sources[row].labels);
                put_next_label(to, "version", output_value(rows, row, "version"));
                (void) fputs("} 1\n", to);
        }
        for (size_t i = 0; i < metrics_n_of_supervisors; i++) {
                const MetricsGauge *gauge = &metrics_of_supervisors[i];
                put_family(to, gauge->name, "gauge", gauge->help);
                for (int row = 0; row < n; row++)
                        (void) fprintf(to, "%s{%s} %s\n", gauge->name, sources[row].labels,
                                       output_value(rows, row, gauge->column));
        }
}

static void put_series(FILE *to, const char *name, const MetricsSeries *series,
                       const Source *source) {
        int64_t value = series->is_work ? source->counts.work[series->count]
                                        : source->counts.own[series->count];
        if (source->is_counted && value >= 0)
                (void) fprintf(to, "%s{%s%s%s} %" PRId64 "\n", name, source->labels,
                               series->label ? "," : "", series->label ? series->label : "", value);
}

static void put_counters(FILE *to, const Source *sources, int n) {
        for (size_t i = 0; i < metrics_n_counters; i++) {
                const MetricsCounter *counter = &metrics_counters[i];
                put_family(to, counter->name, "counter", counter->help);
                for (int row = 0; row < n; row++)
                        for (size_t k = 0; k < counter->n; k++)
                                put_series(to, counter->name, &counter->series[k], &sources[row]);
        }
}

/* A bucket of Prometheus includes all smaller ones; ours are added up here. */
static void put_histogram(FILE *to, const MetricsHistogram *h, const Source *source) {
        const int64_t *work = source->counts.work;
        int64_t count = 0;

        for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
                count += work[h->buckets + i];
                if (i >= h->first)
                        (void) fprintf(to, "%s_bucket{%s,le=\"%s\"} %" PRId64 "\n", h->name,
                                       source->labels, histogram_label(i), count);
        }
        count += work[h->buckets + HISTOGRAM_BOUNDS];
        (void) fprintf(to, "%s_bucket{%s,le=\"+Inf\"} %" PRId64 "\n", h->name, source->labels,
                       count);
        (void) fprintf(to, "%s_sum{%s} %.6f\n", h->name, source->labels,
                       (double) work[h->sum] * h->unit);
        (void) fprintf(to, "%s_count{%s} %" PRId64 "\n", h->name, source->labels, count);
}

static void put_histograms(FILE *to, const Source *sources, int n) {
        for (size_t i = 0; i < metrics_n_histograms; i++) {
                const MetricsHistogram *histogram = &metrics_histograms[i];
                put_family(to, histogram->name, "histogram", histogram->help);
                for (int row = 0; row < n; row++)
                        if (sources[row].is_counted && sources[row].counts.has_histograms)
                                put_histogram(to, histogram, &sources[row]);
        }
}

int metrics_put_supervisors(FILE *to, const char *label, const PGresult *rows, int max) {
        int n = MIN_OF(PQntuples(rows), max), r = 0;
        Source *sources = calloc((size_t) n + 1, sizeof(*sources));

        if (!sources)
                return error_origin(-ENOMEM);
        for (int row = 0; row < n; row++) {
                Source *source = &sources[row];
                source->is_counted =
                        counters_from_json(output_value(rows, row, "counters"), &source->counts);
                source->labels = labels_of(label, rows, row);
                if (!source->labels)
                        r = error_origin(-ENOMEM);
        }
        if (!r) {
                put_gauges(to, sources, rows, n);
                put_counters(to, sources, n);
                put_histograms(to, sources, n);
        }
        for (int row = 0; row < n; row++)
                free(sources[row].labels);
        free(sources);
        return r;
}
