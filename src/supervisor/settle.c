#include "supervisor/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/history_store.h"
#include "db/job_store.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "worker/account.h"
#include "worker/spawn.h"

#define MAX_TRIES 3

typedef struct Settlement {
        Link *link;
        const Identity *self;
        Deceased deceased;
        SettleDone done;
        void *userdata;
        int64_t number;
        char summary[SUMMARY_SIZE]; /* of its job */
        char account[SUMMARY_SIZE]; /* the same, with what it has used; for a history record */
} Settlement;

/* A history record on its way. */
typedef struct Note {
        Link *link;
        Tally *tally;
        HistoryRecord record;
        int is_canceled; /* its job: said at most once, by whoever knows */
        Count count;     /* what it is counted as then */
        unsigned tries;
} Note;

static void submit_note(Note *note);

static void end(Settlement *s, int has_failed) {
        s->done(s->userdata, s->number, has_failed);
        free(s);
}

static void submit(Settlement *s, Batch *batch, AsyncDone done) {
        if (link_submit(s->link, batch, done, s, 0))
                end(s, 1);
}

/* Logs an error that is not just the loss of the connection; returns 1 for any error. */
static int has_error(const Settlement *s, const DbReply *reply, const char *what) {
        if (reply->error.class && reply->error.class != DB_E_UNAVAILABLE &&
            reply->error.class != DB_E_RETRY)
                log_error("could not %s of process %d: %s", what,
                          s->deceased.pid ? s->deceased.pid : s->deceased.peer.pid,
                          reply->error.message);
        return reply->error.class != 0;
}

static void log_settled(const Settlement *s, const PGresult *result, int row) {
        Finished finished;
        job_finish_read(result, row, &finished);
        LogFields fields = {.message_id = LOG_ID_SETTLED,
                            .job_id = finished.id,
                            .co_id = (int32_t) db_int(result, row, 4),
                            .plugin = db_text(result, row, 5),
                            .job_status = "X",
                            .wall_usec = s->deceased.usage.wall_usec,
                            .cpu_usec = s->deceased.usage.cpu_usec,
                            .peak_bytes = s->deceased.usage.peak_bytes};

        log_write(LOG_WARNING, &fields, "job %d: failed: %s", finished.id, s->account);
        if (finished.successor)
                log_write(LOG_INFO, &fields, "job %d: queued again as job %d, not before %s UTC",
                          finished.id, finished.successor, finished.start_after);
}

static void on_noted(const DbReply *reply, void *userdata, int64_t number) {
        Note *note = userdata;
        (void) number;

        if (reply->error.class == DB_E_RETRY && note->tries++ < MAX_TRIES) {
                submit_note(note);
                return;
        }
        if (reply->error.class && reply->error.class != DB_E_UNAVAILABLE)
                log_warning("job %d: how it ended could not be written to its history: %s",
                            note->record.job_id, reply->error.message);
        if (note->is_canceled && !reply->error.class && db_affected(reply, 0))
                tally_count(note->tally, note->count);
        free(note);
}

static void submit_note(Note *note) {
        HistoryList list = {0};
        Batch batch = {0};

        int r = note->is_canceled ? 0 : history_list_append(&list, &note->record);
        if (!r && note->is_canceled)
                job_stopped_add(&batch, note->record.job_id, note->record.comment);
        else if (!r)
                history_add_add(&batch, &list);
        if (r || link_submit_last(note->link, &batch, on_noted, note, 0))
                free(note);
}

/*
 * A record of how it ended, and of what it has used. In a transaction of its own: somebody may hold
 * a lock on a table that history refers to, and that must not keep the CO from going on, nor
 * another one that waits to be settled.
 */
static void note_end(const Settlement *s, int32_t job_id, int is_canceled) {
        Note *note = calloc(1, sizeof(*note));

        if (!note)
                return;
        note->link = s->link;
        note->tally = s->deceased.tally;
        note->count = s->deceased.pid ? COUNT_CANCELED_WORKER : COUNT_CANCELED_PEER;
        note->is_canceled = is_canceled;
        account_record(job_id, s->account, &note->record);
        submit_note(note);
}

static void on_settled(const DbReply *reply, void *userdata, int64_t number) {
        Settlement *s = userdata;
        (void) number;

        int has_failed = has_error(s, reply, "settle the jobs");
        for (int row = 0; !has_failed && row < db_rows(reply, HOLDER_SETTLED); row++) {
                log_settled(s, reply->results[HOLDER_SETTLED], row);
                tally_count(s->deceased.tally,
                            s->deceased.pid ? COUNT_SETTLED_WORKER : COUNT_SETTLED_PEER);
                note_end(s, (int32_t) db_int(reply->results[HOLDER_SETTLED], row, 0), 0);
        }
        for (int row = 0; !has_failed && row < db_rows(reply, HOLDER_CANCELED); row++)
                note_end(s, (int32_t) db_int(reply->results[HOLDER_CANCELED], row, 0), 1);
        if (!has_failed)
                CRASH_POINT(SUPERVISOR_SETTLED);
        end(s, has_failed);
}

/* Jobs, lanes and, for a whole supervisor, its row: one transaction. */
static void settle_holder(Settlement *s) {
        Batch batch = {0};

        holder_settle_add(&batch, s->deceased.supervisor_id, s->deceased.pid, s->summary);
        if (!s->deceased.pid)
                supervisor_remove_add(&batch, s->deceased.peer.id, s->deceased.peer.token);
        submit(s, &batch, on_settled);
}

/* Workers of a supervisor that is gone, and what they started, must not live on: killed here,
 * settled the next time. */
static void on_survivors(const DbReply *reply, void *userdata, int64_t number) {
        Settlement *s = userdata;
        int has_survivors = has_error(s, reply, "find the workers");
        (void) number;

        /* What is not known of a worker may be somebody else's; past the lease it has ended itself.
         */
        for (int row = 0; row < db_rows(reply, 0); row++) {
                ProcessLife life = spawn_end((pid_t) db_int(reply->results[0], row, 0),
                                             db_int(reply->results[0], row, 1));
                has_survivors |= life == PROCESS_ALIVE ||
                                 (life == PROCESS_UNKNOWN && !s->deceased.peer.has_lapsed);
        }
        if (has_survivors)
                end(s, 1);
        else
                settle_holder(s);
}

/* The workers of a supervisor of this host can be looked at; others have ended by their lease. */
static void look_for_survivors(Settlement *s) {
        const Peer *peer = &s->deceased.peer;
        Batch batch = {0};

        if (strcmp(peer->host, s->self->host) || strcmp(peer->boot, s->self->boot)) {
                settle_holder(s);
                return;
        }
        holder_list_add(&batch, peer->id);
        submit(s, &batch, on_survivors);
}

static void on_condemned(const DbReply *reply, void *userdata, int64_t number) {
        Settlement *s = userdata;
        (void) number;

        CRASH_POINT(SUPERVISOR_CONDEMNED);
        if (has_error(s, reply, "condemn the supervisor") || !db_affected(reply, 0))
                end(s, 1); /* it has come back, or others were faster: the next sweep looks again */
        else
                look_for_survivors(s);
}

/* A supervisor that is dead by its lease alone must not come back while it is settled. */
static void begin(Settlement *s) {
        Peer *peer = &s->deceased.peer;
        int64_t token = identity_token();
        Batch batch = {0};

        if (s->deceased.pid) {
                settle_holder(s);
        } else if (!peer->has_lapsed) {
                look_for_survivors(s);
        } else {
                supervisor_condemn_add(&batch, peer->id, peer->token, token);
                peer->token = token;
                submit(s, &batch, on_condemned);
        }
}

void settle(Link *link, const Identity *self, const Deceased *deceased, SettleDone done,
            void *userdata, int64_t number) {
        Settlement *s = calloc(1, sizeof(*s));
        if (!s) {
                done(userdata, number, 1);
                return;
        }
        s->link = link;
        s->self = self;
        s->deceased = *deceased;
        s->done = done;
        s->userdata = userdata;
        s->number = number;
        outcome_describe(deceased->outcome, deceased->why, s->summary, sizeof(s->summary));
        (void) snprintf(s->account, sizeof(s->account), "%s", s->summary);
        outcome_add_usage(&deceased->usage, s->account, sizeof(s->account));
        begin(s);
}
