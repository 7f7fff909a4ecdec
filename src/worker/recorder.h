/*
 * History records between a plugin and the table. A record that was handed over lies in the ring of
 * the status page until it is in the table; the heir finds it there when the worker is killed.
 * Records get the ids of their rows in the ring before they are sent, so that nobody's second try
 * adds a record twice.
 *
 * The ring of an heir holds the records that dead workers left, and behind them those of its own
 * jobs. The two are written independently: what the server refuses of the former does not hold up
 * the latter.
 */
#pragma once

#include "core/throttle.h"
#include "db/history_store.h"
#include "ipc/frame.h"
#include "worker/session.h"

#define RECORDER_BATCH 200u                          /* records in one round trip */
#define RECORDER_INTERVAL_USEC (200 * USEC_PER_MSEC) /* at most one round trip in this time */
#define RECORDER_LEFT_JOBS 16u                       /* jobs whose records may be left */

#define RECORDER_E_NO_ROOM 64 /* beside DB_E_* */

/* What dead workers left at the beginning of the ring. */
typedef struct LeftRecords {
        size_t n;
        uint64_t end; /* of the last one */
        int32_t jobs[RECORDER_LEFT_JOBS];
        size_t n_jobs;  /* records of other jobs are dropped */
        int is_checked; /* `jobs` is known */
        int is_careful; /* one at a time: the server has refused one of them for good */
} LeftRecords;

typedef struct Recorder {
        StatusPage *page;
        Session *session;
        int32_t job_id; /* of the job that runs; records of other jobs are dropped */
        size_t waiting; /* records of that job */
        uint64_t at;    /* where they begin */
        /* The ring as this recorder left it: a plugin may write over what the page says. */
        uint64_t oldest, end, n_frames;
        LeftRecords left;
        uint64_t lost;       /* records that nobody will write, so far */
        uint64_t unlinked;   /* links of the job that were left out: to people of other COs */
        int is_damaged;      /* a plugin wrote over the ring */
        usec_t flushed_usec; /* or tried to */
        int32_t reserved[RECORDER_BATCH];
        size_t n_reserved;
        Throttle log; /* of records, at debug level */
} Recorder;

/* Begins with a ring that is empty, or all of whose records dead workers left. */
void recorder_init(Recorder *recorder, StatusPage *page, Session *session);

/*
 * Takes one record of the job that runs; writes those that wait when it is time. While the database
 * is away they wait in the ring. Returns 0, RECORDER_E_NO_ROOM when the database is away and the
 * ring has no room for this one, DB_E_* with recorder->session->error, or -errno.
 */
int recorder_add(Recorder *recorder, const HistoryRecord *record);

/*
 * Writes the oldest of the records that wait, at most RECORDER_BATCH: until recorder->waiting is 0,
 * the caller may have other things to do in between. Returns as recorder_add().
 */
int recorder_flush_batch(Recorder *recorder);

/*
 * Puts the ring's counters right if a plugin wrote over them; returns 1 when one did. Every
 * function here does so before it uses the ring.
 */
int recorder_restore(Recorder *recorder);

/* The jobs that the left records are of, each once; at most `max`. Returns how many. */
size_t recorder_left_jobs(const Recorder *recorder, int32_t *ids, size_t max);

/*
 * Writes the records that are left, until none is or the server refuses: as recorder_flush_batch();
 * DB_E_UNAVAILABLE before left.jobs is known. A record that the server refuses for good is dropped,
 * counted and logged.
 */
int recorder_write_left(Recorder *recorder);

/* Drops the records that are left; returns how many. */
size_t recorder_drop_left(Recorder *recorder);
