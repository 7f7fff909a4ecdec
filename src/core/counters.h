/*
 * What is counted of a daemon's work, from its start on. A worker counts its part (WORK_*) in its
 * own memory and shows it in its status page; the supervisor adds up what its workers show, after a
 * check, and what it counts itself (COUNT_*). The sums travel as JSON in the supervisor's row.
 */
#pragma once

#include <stdint.h>

#include "core/histogram.h"

/* Longer waits are counted as this one: ten years. */
#define WORK_WAIT_MAX_SEC 315576000

/* A sum comes before the buckets that it goes with: see work_believe(). */
typedef enum WorkCount {
        WORK_RUN_USEC, /* in plugins */
        WORK_WAIT_SEC, /* from being due to being claimed */
        WORK_COMPLETE,
        WORK_FAILED,
        WORK_CANCELED,
        WORK_RUN,
        WORK_WAIT = WORK_RUN + HISTOGRAM_BUCKETS,
        _WORK_MAX = WORK_WAIT + HISTOGRAM_BUCKETS,
} WorkCount;

/* Of the supervisor itself, with their names in JSON. */
#define COUNTS(X)                                        \
        X(SETTLED_WORKER, "settled_of_dead_workers")     \
        X(SETTLED_PEER, "settled_of_dead_supervisors")   \
        X(CANCELED_WORKER, "canceled_of_dead_workers")   \
        X(CANCELED_PEER, "canceled_of_dead_supervisors") \
        X(WORKERS_STARTED, "workers_started")            \
        X(WORKERS_DIED, "workers_died")                  \
        X(WORKERS_KILLED, "workers_killed")              \
        X(WORKERS_GAVE_UP, "workers_gave_up")            \
        X(WORKERS_REPLACED, "workers_replaced")          \
        X(HEARD_QUEUED, "notifications_queued")          \
        X(HEARD_DELAYED, "notifications_delayed")        \
        X(HEARD_CANCEL, "notifications_cancel")          \
        X(LOOKS_SWEEP, "looks_by_sweep")                 \
        X(LOOKS_TIMER, "looks_by_timer")                 \
        X(LOOKS_OTHER, "looks_by_others")                \
        X(RECONNECTS, "reconnects")                      \
        X(LEASE_LAPSED, "leases_lapsed")                 \
        X(LEASE_LOST, "leases_lost")                     \
        X(CANCELS, "cancels")                            \
        X(RECORDS_LOST, "records_lost")

typedef enum Count {
#define X(id, name) COUNT_##id,
        COUNTS(X)
#undef X
                _COUNT_MAX,
} Count;

typedef struct Counters {
        uint64_t work[_WORK_MAX];
        uint64_t own[_COUNT_MAX];
} Counters;

/* Counts one run, or one wait, in its sum and in a bucket; returns the number of the bucket. */
unsigned work_add_run(uint64_t work[_WORK_MAX], usec_t usec);
unsigned work_add_wait(uint64_t work[_WORK_MAX], uint64_t seconds);

/*
 * What a worker of this age shows is taken over into `known`, what it showed so long ago, if it can
 * be true: nothing went backwards, no faster than jobs can be run, no longer than it lived. Returns
 * 0, and leaves `known` as it is, otherwise. `fresh` was read in order, and written with each sum
 * after its bucket.
 */
int work_believe(uint64_t known[_WORK_MAX], const uint64_t fresh[_WORK_MAX], usec_t age_usec,
                 usec_t since_usec);

/* Adds `more` to `work`. */
void work_add(uint64_t work[_WORK_MAX], const uint64_t more[_WORK_MAX]);

/* A new string, or NULL without memory. */
char *counters_to_json(const Counters *counters);

/* As read: of another version some may be missing. */
typedef struct CountersRead {
        int64_t work[_WORK_MAX]; /* -1: not there */
        int64_t own[_COUNT_MAX]; /* the same */
        int has_histograms;      /* with our bounds */
} CountersRead;

/* Returns 0 when `text` (or NULL) is nothing of the kind. */
int counters_from_json(const char *text, CountersRead *ret);
