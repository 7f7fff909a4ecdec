#include "plugin/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_TRIES 3

/* A frame: this, then the key and the comment with their ending NULs. `id` comes first. */
typedef struct FrameHead {
        int32_t id;
        int32_t job_id;
        int32_t person_id;
        int32_t external_identity_id;
        uint32_t status;
} FrameHead;

static size_t encode(const HistoryRecord *r, char frame[RING_FRAME_MAX]) {
        FrameHead head = {r->id, r->job_id, r->person_id, r->external_identity_id, r->status};
        size_t key = strlen(r->key) + 1, comment = strlen(r->comment) + 1;

        memcpy(frame, &head, sizeof(head));
        memcpy(frame + sizeof(head), r->key, key);
        memcpy(frame + sizeof(head) + key, r->comment, comment);
        return sizeof(head) + key + comment;
}

/* What lies in the ring may have been scribbled over: texts are made to fit again. */
static void decode(char frame[RING_FRAME_MAX + 2], size_t size, HistoryRecord *ret) {
        FrameHead head = {0};
        size_t texts = sizeof(head);

        memcpy(&head, frame, MIN_OF(size, sizeof(head)));
        *ret = (HistoryRecord){.id = head.id > 0 ? head.id : 0,
                               .job_id = head.job_id,
                               .person_id = head.person_id,
                               .external_identity_id = head.external_identity_id,
                               .status = head.status};
        if (size <= texts)
                return;
        frame[size] = frame[size + 1] = '\0';
        (void) text_copy_utf8(ret->key, sizeof(ret->key), HISTORY_KEY_CHARS, frame + texts);
        (void) text_copy_utf8(ret->comment, sizeof(ret->comment), HISTORY_COMMENT_CHARS,
                              frame + texts + strlen(frame + texts) + 1);
}

_Static_assert(sizeof(FrameHead) + HISTORY_KEY_SIZE + HISTORY_COMMENT_SIZE <= RING_FRAME_MAX,
               "every record fits into a frame");

static void take_reserved(Recorder *recorder, const DbReply *reply, size_t statement) {
        int rows = db_rows(reply, statement);

        for (int i = 0; i < rows && recorder->n_reserved < RECORDER_BATCH; i++) {
                int64_t id = db_int(reply->results[statement], i, 0);
                if (id > 0 && id <= INT32_MAX)
                        recorder->reserved[recorder->n_reserved++] = (int32_t) id;
        }
}

/* How many ids to have in hand for the next flush: a plugin that wrote many will write many. */
static size_t reserve_for_next(const Recorder *recorder, size_t written) {
        size_t wanted = written > 10 ? RECORDER_BATCH : 10;
        return wanted > recorder->n_reserved ? wanted - recorder->n_reserved : 0;
}

static int reserve(Recorder *recorder, size_t n) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        history_reserve_add(&batch, n);
        int r = session_run(recorder->session, &batch, &reply);
        if (!r)
                take_reserved(recorder, &reply, 0);
        return r;
}

/* The lowest: ids follow the order of the records. */
static int32_t take_id(Recorder *recorder) {
        int32_t id = recorder->reserved[0];
        memmove(recorder->reserved, recorder->reserved + 1,
                --recorder->n_reserved * sizeof(recorder->reserved[0]));
        return id;
}

/* Gives ids, in the ring, to at most `n` records that have none; lists them all. */
static int prepare(Recorder *recorder, size_t n, HistoryList *list, uint64_t *ret_end) {
        uint64_t at = ring_oldest(recorder->page), before = at;
        char frame[RING_FRAME_MAX + 2];
        HistoryRecord record;
        size_t size;

        while (list->n < n && ring_read(recorder->page, &at, frame, RING_FRAME_MAX, &size) > 0) {
                decode(frame, size, &record);
                if (!record.id && recorder->n_reserved) {
                        record.id = take_id(recorder);
                        ring_patch(recorder->page, before, &record.id, sizeof(record.id));
                }
                before = at;
                int r = history_list_append(list, &record);
                if (r)
                        return r;
        }
        *ret_end = at;
        return 0;
}

/* Writes at most one batch. */
static int flush_some(Recorder *recorder, size_t n) {
        HistoryList list = {0};
        uint64_t end = 0;
        int r = recorder->n_reserved < n ? reserve(recorder, n - recorder->n_reserved) : 0;
        if (!r)
                r = prepare(recorder, n, &list, &end);
        if (!r && !list.n) { /* somebody scribbled over the ring */
                recorder->waiting = 0;
                r = error_origin(-EBADMSG);
        }
        if (r) {
                history_list_done(&list);
                return r;
        }

        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        history_add_add(&batch, &list);
        size_t more = reserve_for_next(recorder, n);
        if (more)
                history_reserve_add(&batch, more);
        r = session_run(recorder->session, &batch, &reply);
        if (r)
                return r;
        take_reserved(recorder, &reply, 1);
        ring_release(recorder->page, end);
        recorder->waiting -= MIN_OF(recorder->waiting, n);
        return 0;
}

int recorder_flush_batch(Recorder *recorder) {
        int r = 0, tries = 0;

        recorder->flushed_usec = clock_now_usec();
        do {
                if (recorder->waiting)
                        r = flush_some(recorder, MIN_OF(recorder->waiting, RECORDER_BATCH));
                /* A person was deleted between the look and the check: the next look sees it. */
        } while (r == DB_E_GONE && ++tries < MAX_TRIES);
        if (!r)
                recorder->flushed_usec = clock_now_usec();
        return r;
}

static int flush(Recorder *recorder) {
        int r = 0;

        while (!r && recorder->waiting)
                r = recorder_flush_batch(recorder);
        return r;
}

/* What only time can mend is no failure: the records are safe in the ring. */
static int flush_or_keep(Recorder *recorder) {
        int r = session_try(recorder->session);
        if (!r)
                r = flush(recorder);
        return session_is_passing(r) ? 0 : r;
}

/*
 * A full batch is written at once; one that could not be written has to wait for the next interval
 * as well, or every record would ask the database.
 */
static int is_due(const Recorder *recorder, usec_t now_usec) {
        if (recorder->waiting && recorder->waiting % RECORDER_BATCH == 0 && recorder->session->db)
                return 1;
        return now_usec >= usec_add(recorder->flushed_usec, RECORDER_INTERVAL_USEC);
}

/* The ring has no room: what waits in it must be written first. */
static int make_room(Recorder *recorder) {
        if (!recorder->waiting) /* somebody scribbled over the ring */
                return error_origin(-EBADMSG);
        int r = session_try(recorder->session);
        if (!r)
                r = flush(recorder);
        return session_is_passing(r) ? RECORDER_E_NO_ROOM : r;
}

int recorder_add(Recorder *recorder, const HistoryRecord *record) {
        char frame[RING_FRAME_MAX];
        size_t size = encode(record, frame);

        int r = ring_put(recorder->page, frame, size);
        if (r == RING_E_FULL) {
                r = make_room(recorder);
                if (!r)
                        r = error_fold(ring_put(recorder->page, frame, size));
        }
        if (r)
                return r;
        CRASH_POINT(WORKER_RECORD_PUT);
        recorder->waiting++;
        return is_due(recorder, clock_now_usec()) ? flush_or_keep(recorder) : 0;
}

int recorder_salvage(const StatusPage *page, size_t max, HistoryList *list, uint64_t *ret_end) {
        uint64_t at = ring_oldest(page);
        char frame[RING_FRAME_MAX + 2];
        HistoryRecord record;
        size_t size;

        while (list->n < max && ring_read(page, &at, frame, RING_FRAME_MAX, &size) > 0) {
                decode(frame, size, &record);
                int r = history_list_append(list, &record);
                if (r)
                        return r;
        }
        *ret_end = at;
        return 0;
}

size_t recorder_number(StatusPage *page, size_t max, const int32_t *ids, size_t n_ids) {
        uint64_t at = ring_oldest(page), before = at;
        char frame[RING_FRAME_MAX + 2];
        HistoryRecord record;
        size_t size, found = 0;

        for (size_t i = 0; i < max && ring_read(page, &at, frame, RING_FRAME_MAX, &size) > 0; i++) {
                decode(frame, size, &record);
                if (!record.id && found < n_ids)
                        ring_patch(page, before, &ids[found], sizeof(ids[found]));
                found += !record.id;
                before = at;
        }
        return found;
}

size_t recorder_count(const StatusPage *page) {
        uint64_t at = ring_oldest(page);
        char frame[RING_FRAME_MAX + 2];
        size_t size, n = 0;

        while (n < STATUS_RING_SIZE && ring_read(page, &at, frame, RING_FRAME_MAX, &size) > 0)
                n++;
        return n;
}
