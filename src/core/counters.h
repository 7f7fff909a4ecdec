/*
 * The counts of one daemon since its start. A worker counts its part (WORK_*) in its own memory and
 * copies the counts to its status page. The supervisor checks the counts of its workers, adds them
 * up, and counts its own events (COUNT_*). Its row in jobd.supervisor holds the sums as JSON.
 */
#pragma once

#include <stdint.h>

#include "core/histogram.h"

/* Longer waits are counted as this one: ten years. */
#define WORK_WAIT_MAX_SEC 315576000

/* Each sum stands before its buckets: see work_believe(). */
typedef enum WorkCount {
        WORK_RUN_USEC, /* time in plugins */
        WORK_WAIT_SEC, /* time from when jobs were due to when they were claimed */
        WORK_COMPLETE,
        WORK_FAILED,
        WORK_CANCELED,
        WORK_RUN,
        WORK_WAIT = WORK_RUN + HISTOGRAM_BUCKETS,
        _WORK_MAX = WORK_WAIT + HISTOGRAM_BUCKETS,
} WorkCount;

/* Events that the supervisor counts, with their names in JSON. */
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

/* Adds one run, or one wait, to its sum and its bucket. Returns the number of the bucket. */
unsigned work_add_run(uint64_t work[_WORK_MAX], usec_t usec);
unsigned work_add_wait(uint64_t work[_WORK_MAX], uint64_t seconds);

/*
 * Copies the counts `fresh` of a worker to `known` when they are possible, and returns 1; otherwise
 * returns 0. Possible counts have not decreased since `known` was read, `since_usec` ago; they grew
 * no faster than jobs can run; and no run took longer than the worker's age. The worker writes a
 * bucket before its sum; `fresh` must have been read in order, sums first: then a sum never exceeds
 * its buckets.
 */
int work_believe(uint64_t known[_WORK_MAX], const uint64_t fresh[_WORK_MAX], usec_t age_usec,
                 usec_t since_usec);

/* Adds the counts of one worker to those of another. */
void work_add(uint64_t work[_WORK_MAX], const uint64_t more[_WORK_MAX]);

/* The counts as JSON: a new string, or NULL without memory. */
char *counters_to_json(const Counters *counters);

/* Counts that were read from JSON. A daemon of another version may lack some. */
typedef struct CountersRead {
        int64_t work[_WORK_MAX]; /* -1: missing */
        int64_t own[_COUNT_MAX]; /* -1: missing */
        int has_histograms;      /* the histograms have the bounds of this program */
} CountersRead;

/* Returns 1, or 0 when `text` is NULL or no JSON object. */
int counters_from_json(const char *text, CountersRead *ret);
