#include "count_job.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ending.h"
#include "trace.h"

#define COUNT_MAX 10000000
#define SLEEP_MS_MAX 3600000
#define RECORDS_MAX 10000000
#define SLICE_MS 10 /* how late a cancel is seen at most */

#define MS_PER_SEC 1000
#define NSEC_PER_MS 1000000L
#define NSEC_PER_SEC 1000000000L

const struct rj_param_desc count_job_params[] = {
        {.name = "count", .type = RJ_PARAM_INT, .help = "how many steps; 1 unless given"},
        {.name = "sleep_ms", .type = RJ_PARAM_INT, .help = "pause in each step"},
        {.name = "records", .type = RJ_PARAM_INT, .help = "history records written in each step"},
        {.name = "person_id",
         .type = RJ_PARAM_FK,
         .table = "people",
         .help = "the person whom these records are about"},
        {.name = "external_identity_id",
         .type = RJ_PARAM_FK,
         .table = "external_identities",
         .help = "the external identity that these records are about"},
        {.name = "ignore_cancel", .type = RJ_PARAM_BOOL, .help = "go on after a cancel"},
        {.name = "trap_term", .type = RJ_PARAM_BOOL, .help = "go on after a SIGTERM"},
        {.name = "end",
         .type = RJ_PARAM_SELECT,
         .choices = ending_choices,
         .help = "what happens after the last step; ok unless given"},
        {.name = "summary", .type = RJ_PARAM_STRING, .help = "text for the finish summary"},
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "free text; comment of the records"},
        {.name = "trace",
         .type = RJ_PARAM_STRING,
         .help = "file to which a line is added at begin and end"},
        {0},
};

typedef struct Counting {
        uint64_t count, sleep_ms, records;
        struct rj_record record; /* what all of them have in common */
        int ignores_cancel;
} Counting;

__attribute__((format(printf, 2, 3))) static void summarize(struct rj_context *ctx,
                                                            const char *format, ...) {
        char text[512]; /* the host cuts it to the size of the column */
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) ctx->host->summary(ctx, text);
}

static int take_number(struct rj_context *ctx, const char *name, int64_t otherwise, int64_t max,
                       uint64_t *ret) {
        int64_t value = ctx->host->param_int(ctx, name, otherwise);

        if (value < 0 || value > max) {
                summarize(ctx, "parameter '%s' must be from 0 to %lld, not %lld", name,
                          (long long) max, (long long) value);
                return RJ_FAILED;
        }
        *ret = (uint64_t) value;
        return RJ_OK;
}

/* The table of parameters says what they are; whether a number makes sense is up to the job. */
static int take_params(struct rj_context *ctx, Counting *count) {
        const struct rj_host *host = ctx->host;

        int r = take_number(ctx, "count", 1, COUNT_MAX, &count->count);
        if (!r)
                r = take_number(ctx, "sleep_ms", 0, SLEEP_MS_MAX, &count->sleep_ms);
        if (!r)
                r = take_number(ctx, "records", 0, RECORDS_MAX, &count->records);
        if (r)
                return r;

        count->ignores_cancel = host->param_bool(ctx, "ignore_cancel", 0);
        count->record.struct_size = sizeof(count->record);
        count->record.status = RJ_RECORD_OK;
        count->record.comment = host->param_string(ctx, "tag", "counted");
        (void) host->param_ids(ctx, "person_id", &count->record.person_id, 1);
        (void) host->param_ids(ctx, "external_identity_id", &count->record.external_identity_id, 1);
        return RJ_OK;
}

static int is_stopped(const struct rj_context *ctx, const Counting *count) {
        return !count->ignores_cancel && rj_canceled(ctx);
}

static struct timespec later(struct timespec t, uint64_t ms) {
        t.tv_sec += (time_t) (ms / MS_PER_SEC);
        t.tv_nsec += (long) (ms % MS_PER_SEC) * NSEC_PER_MS;
        if (t.tv_nsec >= NSEC_PER_SEC) {
                t.tv_sec++;
                t.tv_nsec -= NSEC_PER_SEC;
        }
        return t;
}

/* Sleeps in slices, each up to a point in time, so that their small delays do not add up. */
static void sleep_unless_stopped(const struct rj_context *ctx, const Counting *count) {
        struct timespec start;

        (void) clock_gettime(CLOCK_MONOTONIC, &start);
        for (uint64_t ms = 0; ms < count->sleep_ms && !is_stopped(ctx, count);) {
                ms = count->sleep_ms - ms > SLICE_MS ? ms + SLICE_MS : count->sleep_ms;
                struct timespec until = later(start, ms);
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
}

static int write_records(struct rj_context *ctx, const Counting *count, uint64_t step) {
        struct rj_record record = count->record;
        char key[64];

        record.key = key;
        for (uint64_t i = 1; i <= count->records; i++) {
                (void) snprintf(key, sizeof(key), "step %llu record %llu",
                                (unsigned long long) step, (unsigned long long) i);
                int r = ctx->host->record(ctx, &record);
                if (r < 0)
                        return r;
                if (is_stopped(ctx, count))
                        break; /* the next step is not taken */
        }
        return RJ_OK;
}

static int stop(struct rj_context *ctx, const Counting *count, uint64_t done) {
        summarize(ctx, "stopped at %llu of %llu", (unsigned long long) done,
                  (unsigned long long) count->count);
        return RJ_CANCELED;
}

/* What host functions return below 0 is passed on: the daemon knows what it means. */
static int take_steps(struct rj_context *ctx, const Counting *count) {
        for (uint64_t done = 0; done < count->count;) {
                if (is_stopped(ctx, count))
                        return stop(ctx, count, done);
                sleep_unless_stopped(ctx, count);
                if (is_stopped(ctx, count))
                        return stop(ctx, count, done);

                int r = write_records(ctx, count, ++done);
                if (r >= 0)
                        r = ctx->host->progress(ctx, done, count->count);
                if (r < 0)
                        return r;
        }
        return RJ_OK;
}

static int count_up(struct rj_context *ctx) {
        const struct rj_host *host = ctx->host;
        Counting count = {0};
        char text[64];

        int r = take_params(ctx, &count);
        if (r)
                return r;
        (void) snprintf(text, sizeof(text), "counting to %llu", (unsigned long long) count.count);
        r = host->start_summary(ctx, text);
        if (r < 0)
                return r;
        r = take_steps(ctx, &count);
        if (r)
                return r;

        const char *end = host->param_string(ctx, "end", "ok");
        (void) snprintf(text, sizeof(text), "%s to %llu",
                        strcmp(end, "fail") ? "counted" : "failed after counting",
                        (unsigned long long) count.count);
        (void) host->summary(ctx, host->param_string(ctx, "summary", text));
        return ending_reach(end);
}

int count_job_run(struct rj_context *ctx) {
        const char *path = ctx->host->param_string(ctx, "trace", NULL);
        int traps_term = ctx->host->param_bool(ctx, "trap_term", 0);
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

        int r = trace_write(ctx, path, "begin", NULL);
        if (r)
                return r;
        if (traps_term)
                (void) sigaction(SIGTERM, &ignore, &before);
        r = count_up(ctx);
        if (traps_term) /* the worker goes on to the next job */
                (void) sigaction(SIGTERM, &before, NULL);

        int traced = trace_write(ctx, path, "end", trace_reason(r));
        return r ? r : traced;
}
