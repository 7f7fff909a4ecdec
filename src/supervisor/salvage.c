#include "supervisor/salvage.h"

#include <stdlib.h>

#include "db/history_store.h"
#include "plugin/recorder.h"
#include "util/log.h"

#define GONE_TRIES 3

typedef struct Salvage {
        Link *link;
        StatusPage *page;
        Tally *tally;
        SalvageDone done;
        void *userdata;
        int64_t number;
        uint64_t ring_end; /* of the records on their way */
        size_t at_once;
        unsigned gone; /* tries for somebody who was deleted */
} Salvage;

static void next(Salvage *s);

static void end(Salvage *s, SalvageEnd how) {
        s->done(s->userdata, s->number, how);
        free(s);
}

/* Something in this batch is not to be had: then one after another, and without that one. */
static void leave_out(Salvage *s, const DbError *error) {
        if (s->at_once > 1) {
                s->at_once = 1;
                next(s);
                return;
        }
        log_error("a history record of a dead worker could not be written, leaving it out: %s",
                  error->message);
        tally_count(s->tally, COUNT_RECORDS_LOST);
        ring_release(s->page, s->ring_end);
        next(s);
}

static void on_written(const DbReply *reply, void *userdata, int64_t number) {
        Salvage *s = userdata;
        (void) number;

        switch (reply->error.class) {
        case 0:
                ring_release(s->page, s->ring_end);
                next(s);
                return;
        case DB_E_UNAVAILABLE:
                end(s, SALVAGE_AWAY);
                return;
        case DB_E_GONE: /* a person, between the look and the check: the next look sees it */
                if (s->gone++ < GONE_TRIES)
                        next(s);
                else
                        leave_out(s, &reply->error);
                return;
        default:
                if (reply->error.class < 0)
                        leave_out(s, &reply->error);
                else
                        end(s, SALVAGE_REFUSED);
        }
}

static void write_batch(Salvage *s) {
        HistoryList list = {0};
        Batch batch = {0};

        int r = recorder_salvage(s->page, s->at_once, &list, &s->ring_end);
        if (r || !list.n) { /* without memory: later; what is damaged is nobody's any more */
                history_list_done(&list);
                end(s, r ? SALVAGE_AWAY : SALVAGE_DONE);
                return;
        }
        history_add_add(&batch, &list);
        if (link_submit(s->link, &batch, on_written, s, 0))
                end(s, SALVAGE_AWAY);
}

static void on_reserved(const DbReply *reply, void *userdata, int64_t number) {
        Salvage *s = userdata;
        int32_t ids[RECORDER_BATCH];
        size_t n = 0;
        (void) number;

        if (reply->error.class) {
                end(s, reply->error.class == DB_E_UNAVAILABLE ? SALVAGE_AWAY : SALVAGE_REFUSED);
                return;
        }
        for (int row = 0; row < db_rows(reply, 0) && n < RECORDER_BATCH; row++)
                ids[n++] = (int32_t) db_int(reply->results[0], row, 0);
        (void) recorder_number(s->page, s->at_once, ids, n);
        write_batch(s);
}

/* Ids first: an answer that is lost must not make the same records twice. */
static void next(Salvage *s) {
        size_t n = recorder_number(s->page, s->at_once, NULL, 0);
        Batch batch = {0};

        if (!n) {
                write_batch(s);
                return;
        }
        history_reserve_add(&batch, n);
        if (link_submit(s->link, &batch, on_reserved, s, 0))
                end(s, SALVAGE_AWAY);
}

void salvage(Link *link, StatusPage *page, Tally *tally, SalvageDone done, void *userdata,
             int64_t number) {
        Salvage *s = calloc(1, sizeof(*s));

        if (!s) {
                done(userdata, number, SALVAGE_AWAY);
                return;
        }
        *s = (Salvage){.link = link,
                       .page = page,
                       .tally = tally,
                       .done = done,
                       .userdata = userdata,
                       .number = number,
                       .at_once = RECORDER_BATCH};
        next(s);
}

int salvage_is_needed(const StatusPage *page) {
        return atomic_load(&page->ring_head) != atomic_load(&page->ring_tail);
}
