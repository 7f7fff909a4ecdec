/*
 * History records between a plugin and the table. A record handed over lies in the ring of the
 * status page until it is in the table: the supervisor finds it there when the worker is killed.
 * Records get their ids in the ring before they are sent, so that nobody's second try adds one
 * twice.
 */
#pragma once

#include "core/throttle.h"
#include "db/history_store.h"
#include "ipc/ring.h"
#include "plugin/session.h"

#define RECORDER_BATCH 200u                          /* records in one round trip */
#define RECORDER_INTERVAL_USEC (200 * USEC_PER_MSEC) /* at most one round trip in this time */

#define RECORDER_E_NO_ROOM 64 /* beside DB_E_* */

typedef struct Recorder {
        StatusPage *page;
        Session *session;
        size_t waiting;
        usec_t flushed_usec; /* or tried to */
        int32_t reserved[RECORDER_BATCH];
        size_t n_reserved;
        Throttle log; /* of records, at debug level */
} Recorder;

/*
 * Takes one record; writes those that wait when it is time. While the database is away they wait in
 * the ring. Returns 0, RECORDER_E_NO_ROOM when the database is away and the ring has no room for
 * this one, DB_E_* with recorder->session->error, or -errno.
 */
int recorder_add(Recorder *recorder, const HistoryRecord *record);

/*
 * Writes the oldest of those that wait, at most RECORDER_BATCH: until recorder->waiting is 0, the
 * caller may have other things to do in between. Returns as recorder_add().
 */
int recorder_flush_batch(Recorder *recorder);

/*
 * For the supervisor: the oldest records of a dead worker's ring, at most `max`, and the
 * position behind them. Frames that make no sense end the list. Returns 0 or -ENOMEM.
 */
int recorder_salvage(const StatusPage *page, size_t max, HistoryList *list, uint64_t *ret_end);

/*
 * Of the oldest `max` records of the ring those without an id get `ids`, in the ring itself, as far
 * as they go: whoever writes them again then, writes the same records. Returns how many had none.
 */
size_t recorder_number(StatusPage *page, size_t max, const int32_t *ids, size_t n_ids);

/* How many records lie in the ring. */
size_t recorder_count(const StatusPage *page);
