/*
 * The ring, from its oldest byte:
 *
 *   tail ── records that are left ── left.end ── written ── at ── own records that wait ── head
 *
 * The worker that owns the page is the only caller, from one thread. Writing a batch can fail in
 * three ways: the database is away or in the way of others (the records stay and are tried again),
 * a record is refused for good (of the job that runs: the plugin is told; of those that are left:
 * it is dropped), or a plugin wrote over frames (what cannot be read is lost, and counted). Where
 * the ring begins and ends, and how many frames it has, is known here, so that a plugin that writes
 * over the page's counters changes nothing.
 */
#include "worker/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/ids.h"
#include "util/log.h"

#define MAX_TRIES 3 /* while somebody whom a record names is being deleted */

/* Frames of the ring that go to the table together. */
typedef struct Passage {
        uint64_t from, end; /* `end` moves behind the frames that were read */
        size_t max;
        const int32_t *jobs; /* records of other jobs are dropped */
        size_t n_jobs;
        size_t n_frames; /* read */
        /* Once for what is left: an heir has a job to settle. */
        int (*run)(Session *session, Batch *batch, DbReply *reply);
        HistoryList list;
} Passage;

/* Frames from `at` to `end`, before the first one that cannot be read; *ret_at is behind them. */
static size_t count_frames(const StatusPage *page, uint64_t at, uint64_t end, uint64_t *ret_at) {
        char frame[FRAME_BUFFER_SIZE];
        size_t n = 0, size;

        while (at < end && n < STATUS_RING_SIZE &&
               ring_read(page, &at, frame, RING_FRAME_MAX, &size) > 0)
                n++;
        *ret_at = at;
        return n;
}

int recorder_restore(Recorder *r) {
        StatusPage *page = r->page;

        if (ring_oldest(page) == r->oldest && ring_end(page) == r->end &&
            ring_count(page) == (int64_t) r->n_frames)
                return 0;
        ring_restore(page, r->oldest, r->end, r->n_frames);
        return 1;
}

static int put_frame(Recorder *r, const char *frame, size_t size) {
        (void) recorder_restore(r);
        int rc = ring_put(r->page, frame, size);
        if (!rc) {
                r->end = ring_end(r->page);
                r->n_frames++;
        }
        return rc;
}

/* Takes what lies before `at` out; `left` frames stay. */
static void release_frames(Recorder *r, uint64_t at, uint64_t left) {
        (void) recorder_restore(r);
        ring_release(r->page, at, r->n_frames - left);
        r->oldest = at;
        r->n_frames = left;
}

/*
 * What cannot be read ends the ring: nobody knows where the next frame would begin. `readable`
 * frames lie before `end`; how many there were is known, or not: -1.
 */
static void cut_damage(Recorder *r, uint64_t end, size_t readable, int64_t count) {
        r->is_damaged = 1;
        if (count > (int64_t) readable) {
                r->lost += (uint64_t) count - readable;
                log_error("%lld history records are lost: a plugin wrote over them",
                          (long long) count - (long long) readable);
        } else {
                r->lost++;
                log_error("history records are lost, how many is not known: a plugin wrote over "
                          "them and their count");
        }
        r->end = end;
        r->n_frames = readable;
        (void) recorder_restore(r);
}

void recorder_init(Recorder *r, StatusPage *page, Session *session) {
        uint64_t end = ring_end(page), readable_end;
        int64_t count = ring_count(page);

        *r = (Recorder){.page = page, .session = session, .oldest = ring_oldest(page), .end = end};
        r->left.n = count_frames(page, r->oldest, end, &readable_end);
        r->n_frames = r->left.n;
        if (readable_end != end)
                cut_damage(r, readable_end, r->left.n, count);
        (void) recorder_restore(r);
        r->at = r->left.end = readable_end;
}

static void take_reserved(Recorder *recorder, const DbReply *reply, size_t statement) {
        int rows = db_rows(reply, statement);

        for (int i = 0; i < rows && recorder->n_reserved < RECORDER_BATCH; i++) {
                int64_t id = db_int(reply->results[statement], i, 0);
                if (id > 0 && id <= INT32_MAX)
                        recorder->reserved[recorder->n_reserved++] = (int32_t) id;
        }
}

/* How many ids to have in hand for the next batch: a plugin that wrote many will write many. */
static size_t reserve_for_next(const Recorder *recorder, size_t written) {
        size_t wanted = written > 10 ? RECORDER_BATCH : 10;
        return wanted > recorder->n_reserved ? wanted - recorder->n_reserved : 0;
}

static int reserve_ids(Recorder *recorder, const Passage *passage, size_t n) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        if (recorder->n_reserved >= n)
                return 0;
        history_reserve_add(&batch, n - recorder->n_reserved);
        int r = passage->run(recorder->session, &batch, &reply);
        if (!r)
                take_reserved(recorder, &reply, 0);
        return r;
}

/* The lowest: ids follow the order of the records. */
static int32_t next_id(Recorder *recorder) {
        int32_t id = recorder->reserved[0];
        memmove(recorder->reserved, recorder->reserved + 1,
                --recorder->n_reserved * sizeof(recorder->reserved[0]));
        return id;
}

/* How many of the passage's records have no id yet. */
static size_t count_unnumbered(const Recorder *recorder, const Passage *passage) {
        char frame[FRAME_BUFFER_SIZE];
        HistoryRecord record;
        uint64_t at = passage->from;
        size_t n = 0, size;

        for (size_t i = 0; i < passage->max; i++) {
                if (ring_read(recorder->page, &at, frame, RING_FRAME_MAX, &size) <= 0)
                        break;
                frame_decode(frame, size, &record);
                n += !record.id;
        }
        return n;
}

static int list_frame(Recorder *recorder, Passage *passage, char frame[FRAME_BUFFER_SIZE],
                      size_t size, uint64_t at) {
        HistoryRecord record;

        frame_decode(frame, size, &record);
        if (!ids_have(passage->jobs, passage->n_jobs, record.job_id)) {
                recorder->lost++;
                log_warning("a history record is dropped: it names job %d, which is not the job "
                            "of its worker",
                            record.job_id);
                return 0;
        }
        if (!record.id && recorder->n_reserved) {
                record.id = next_id(recorder);
                frame_set_id(recorder->page, at, record.id);
        }
        return history_list_append(&passage->list, &record);
}

/* Gives ids to the records of the passage, in the ring, and lists them. */
static int list_passage(Recorder *recorder, Passage *passage) {
        char frame[FRAME_BUFFER_SIZE];
        size_t size;
        int r = 0;

        passage->end = passage->from;
        while (!r && passage->n_frames < passage->max) {
                uint64_t at = passage->end;
                if (ring_read(recorder->page, &passage->end, frame, RING_FRAME_MAX, &size) <= 0)
                        break;
                passage->n_frames++;
                r = list_frame(recorder, passage, frame, size, at);
        }
        return r;
}

/* Writes what was listed, and reserves ids for what may come. */
static int insert_passage(Recorder *recorder, Passage *passage, size_t reserve) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        if (!passage->list.n) {
                history_list_done(&passage->list);
                return 0;
        }
        history_add_add(&batch, &passage->list);
        if (reserve)
                history_reserve_add(&batch, reserve);
        int r = passage->run(recorder->session, &batch, &reply);
        if (!r)
                recorder->unlinked += (uint64_t) MAX_OF(db_int(reply.results[0], 0, 0), 0);
        if (!r && reserve)
                take_reserved(recorder, &reply, 1);
        return r;
}

/* One transaction. The caller takes the frames out of the ring. */
static int write_passage(Recorder *recorder, Passage *passage, int is_last) {
        int r = reserve_ids(recorder, passage, count_unnumbered(recorder, passage));
        if (!r)
                r = list_passage(recorder, passage);
        if (r) {
                history_list_done(&passage->list);
                return r;
        }
        return insert_passage(recorder, passage,
                              is_last ? 0 : reserve_for_next(recorder, passage->n_frames));
}

/* Records of this worker that are written leave the ring when none that is left lies before them.
 */
static void pass_own(Recorder *recorder, const Passage *passage) {
        recorder->at = passage->end;
        recorder->waiting -= MIN_OF(recorder->waiting, passage->n_frames);
        if (!recorder->left.n)
                release_frames(recorder, recorder->at, recorder->waiting);
}

static int flush_some(Recorder *recorder) {
        Passage passage = {.from = recorder->at,
                           .max = MIN_OF(recorder->waiting, RECORDER_BATCH),
                           .jobs = &recorder->job_id,
                           .n_jobs = 1,
                           .run = session_run};

        (void) recorder_restore(recorder);
        int r = write_passage(recorder, &passage, 0);
        if (r)
                return r;
        if (!passage.n_frames) {
                cut_damage(recorder, recorder->at, recorder->n_frames - recorder->waiting,
                           (int64_t) recorder->n_frames);
                recorder->waiting = 0;
                return error_origin(-EBADMSG);
        }
        pass_own(recorder, &passage);
        return 0;
}

int recorder_flush_batch(Recorder *recorder) {
        int r = 0, tries = 0;

        recorder->flushed_usec = clock_now_usec();
        do {
                if (recorder->waiting)
                        r = flush_some(recorder);
                /* A person was deleted between the look and the check: the next look sees it. */
        } while (r == DB_E_GONE && ++tries < MAX_TRIES);
        if (!r)
                recorder->flushed_usec = clock_now_usec();
        return r;
}

static int flush_all(Recorder *recorder) {
        int r = 0;

        while (!r && recorder->waiting)
                r = recorder_flush_batch(recorder);
        return r;
}

/* What only time can mend is no failure: the records are safe in the ring. */
static int flush_or_keep(Recorder *recorder) {
        int r = session_try(recorder->session);
        if (!r)
                r = flush_all(recorder);
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
        if (!recorder->waiting && !recorder->left.n) /* somebody wrote over the ring */
                return error_origin(-EBADMSG);
        int r = session_try(recorder->session);
        if (!r)
                r = flush_all(recorder);
        if (!r)
                r = recorder_write_left(recorder);
        return session_is_passing(r) ? RECORDER_E_NO_ROOM : r;
}

int recorder_add(Recorder *recorder, const HistoryRecord *record) {
        char frame[RING_FRAME_MAX];
        size_t size = frame_encode(record, frame);

        int r = put_frame(recorder, frame, size);
        if (r == RING_E_FULL) {
                r = make_room(recorder);
                if (!r)
                        r = put_frame(recorder, frame, size);
                if (r == RING_E_FULL)
                        r = error_origin(-EBADMSG);
        }
        if (r)
                return r;
        CRASH_POINT(WORKER_RECORD_PUT);
        recorder->waiting++;
        return is_due(recorder, clock_now_usec()) ? flush_or_keep(recorder) : 0;
}

size_t recorder_left_jobs(const Recorder *recorder, int32_t *ids, size_t max) {
        char frame[FRAME_BUFFER_SIZE];
        uint64_t at = recorder->oldest;
        HistoryRecord record;
        size_t n = 0, size;

        for (size_t i = 0; i < recorder->left.n && n < max; i++) {
                if (ring_read(recorder->page, &at, frame, RING_FRAME_MAX, &size) <= 0)
                        break;
                frame_decode(frame, size, &record);
                if (record.job_id > 0 && !ids_have(ids, n, record.job_id))
                        ids[n++] = record.job_id;
        }
        return n;
}

/* Those before `end`, `n` of them, are dealt with. */
static void pass_left(Recorder *recorder, uint64_t end, size_t n) {
        recorder->left.n -= MIN_OF(recorder->left.n, n);
        if (recorder->left.n) {
                release_frames(recorder, end, recorder->n_frames - n);
                return;
        }
        /* Behind them lies what was written of this worker's own. */
        release_frames(recorder, recorder->at, recorder->waiting);
        recorder->left = (LeftRecords){.end = recorder->at};
}

/* What the server refuses for good: of several one at a time, of one that one is dropped. */
static void drop_refused(Recorder *recorder, const Passage *passage) {
        if (!recorder->left.is_careful) {
                recorder->left.is_careful = 1;
                return;
        }
        log_error("a history record of a dead worker could not be written, leaving it out: %s",
                  recorder->session->error.message);
        recorder->lost++;
        pass_left(recorder, passage->end, passage->n_frames);
}

int recorder_write_left(Recorder *recorder) {
        LeftRecords *left = &recorder->left;
        int tries = 0;

        if (left->n && !left->is_checked)
                return DB_E_UNAVAILABLE;
        while (left->n) {
                (void) recorder_restore(recorder);
                Passage passage = {.from = recorder->oldest,
                                   .max = left->is_careful ? 1 : MIN_OF(left->n, RECORDER_BATCH),
                                   .jobs = left->jobs,
                                   .n_jobs = left->n_jobs,
                                   .run = session_run_once};
                int r = write_passage(recorder, &passage, 1);
                if (!r && passage.n_frames)
                        pass_left(recorder, passage.end, passage.n_frames);
                else if (!r)
                        recorder->lost += recorder_drop_left(recorder);
                else if (r == DB_E_GONE && tries++ < MAX_TRIES)
                        continue; /* a person, between the look and the check */
                else if (passage.n_frames && (r == DB_E_GONE || (r < 0 && r != -ENOMEM)))
                        drop_refused(recorder, &passage);
                else
                        return r;
        }
        return 0;
}

size_t recorder_drop_left(Recorder *recorder) {
        size_t n = recorder->left.n;
        pass_left(recorder, recorder->left.end, n);
        return n;
}
