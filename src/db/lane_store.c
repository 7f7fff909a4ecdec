#include "db/lane_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "db/schema.h"
#include "util/error.h"

#define TOKEN_TRIES 100
#define PROMOTE_LIMIT 1000 /* of queue_promote.sql */

#define TOTALS_MAX 10000 /* of the queue, counted for people to look at */

enum { LOOK_PROMOTED, LOOK_WAITING, LOOK_NEXT }; /* statements of queue_look_add() */

int64_t identity_token(void) {
        int64_t token = 0;
        for (int i = 0; i < TOKEN_TRIES && !token; i++)
                if (getrandom(&token, sizeof(token), 0) != sizeof(token))
                        token = 0;
        if (!token) /* no kernel that this runs on refuses so often */
                abort();
        return token;
}

int identity_init(Identity *identity) {
        *identity = (Identity){.pid = (int32_t) getpid(), .token = identity_token()};
        int r = process_host(identity->host);
        if (!r)
                r = process_boot(identity->boot);
        if (!r)
                r = process_start_ticks(getpid(), &identity->start_ticks);
        return r;
}

void lane_take_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t pid,
                   int64_t start_ticks, int64_t token) {
        batch_add(batch, SQL_LANE_TAKE);
        batch_int(batch, co_id);
        batch_int(batch, supervisor_id);
        batch_int(batch, pid);
        batch_int(batch, start_ticks);
        batch_int(batch, token);
}

void lane_resume_add(Batch *batch, int32_t co_id, int64_t token, int64_t new_token) {
        batch_add(batch, SQL_LANE_RESUME);
        batch_int(batch, co_id);
        batch_int(batch, token);
        batch_int(batch, new_token);
}

void lane_free_add(Batch *batch, int32_t co_id, int64_t token) {
        batch_add(batch, SQL_LANE_FREE);
        batch_int(batch, co_id);
        batch_int(batch, token);
}

void queue_drop_stale_add(Batch *batch, int32_t job_id, int32_t co_id) {
        batch_add(batch, SQL_QUEUE_DROP_STALE);
        batch_int(batch, job_id);
        batch_int(batch, co_id);
}

void queue_look_add(Batch *batch) {
        batch_add(batch, SQL_QUEUE_PROMOTE);
        batch_add(batch, SQL_QUEUE_WAITING);
        batch_add(batch, SQL_QUEUE_NEXT_DUE);
}

int queue_look_rows(const DbReply *reply) {
        return db_rows(reply, LOOK_WAITING);
}

int32_t queue_look_co(const DbReply *reply, int row) {
        return (int32_t) db_int(reply->results[LOOK_WAITING], row, 0);
}

usec_t queue_look_next(const DbReply *reply) {
        const PGresult *result = reply->results[LOOK_NEXT];
        if (!PQntuples(result) || PQgetisnull(result, 0, 0))
                return USEC_INFINITY;
        int64_t usec = db_int(result, 0, 0);
        return usec > 0 ? (usec_t) usec : 0;
}

int queue_look_is_full(const DbReply *reply) {
        return db_rows(reply, LOOK_PROMOTED) >= PROMOTE_LIMIT;
}

void queue_totals_add(Batch *batch) {
        batch_add(batch, SQL_QUEUE_TOTALS);
        batch_int(batch, TOTALS_MAX + 1);
}

void queue_totals_read(const DbReply *reply, QueueTotals *ret) {
        *ret = (QueueTotals){.jobs = -1};
        if (!db_rows(reply, 0))
                return;
        int64_t jobs = db_int(reply->results[0], 0, 0);
        *ret = (QueueTotals){.jobs = MIN_OF(jobs, TOTALS_MAX),
                             .cos = db_int(reply->results[0], 0, 1),
                             .is_more = jobs > TOTALS_MAX};
}

void supervisor_register_add(Batch *batch, const Identity *identity, const char *kind,
                             unsigned workers, usec_t lease_usec) {
        batch_add(batch, SQL_SUPERVISOR_REGISTER);
        batch_int(batch, identity->token);
        batch_text(batch, kind);
        batch_text(batch, identity->host);
        batch_int(batch, identity->pid);
        batch_text(batch, identity->boot);
        batch_int(batch, identity->start_ticks);
        batch_text(batch, RJ_VERSION);
        batch_int(batch, workers);
        batch_int(batch, (int64_t) (lease_usec / USEC_PER_MSEC));
        batch_int(batch, schema_version_needed());
}

int supervisor_register_read(const DbReply *reply, int32_t *ret_id, DbError *error) {
        int32_t id = (int32_t) db_int(reply->results[0], 0, 0);

        if (!id) {
                *error = (DbError){.class = DB_E_SCHEMA};
                (void) snprintf(error->message, sizeof(error->message),
                                "the schema jobd has version %lld, and this program needs %d",
                                (long long) db_int(reply->results[0], 0, 1),
                                schema_version_needed());
                return DB_E_SCHEMA;
        }
        *ret_id = id;
        return 0;
}

void supervisor_renew_add(Batch *batch, const Identity *identity, unsigned workers, unsigned busy,
                          const char *counters) {
        batch_add(batch, SQL_SUPERVISOR_RENEW);
        batch_int(batch, identity->id);
        batch_int(batch, identity->token);
        batch_int(batch, workers);
        batch_int(batch, busy);
        batch_text(batch, counters);
}

void supervisor_remove_add(Batch *batch, int32_t id, int64_t token) {
        batch_add(batch, SQL_SUPERVISOR_REMOVE);
        batch_int(batch, id);
        batch_int(batch, token);
}

void supervisor_condemn_add(Batch *batch, int32_t id, int64_t token, int64_t new_token) {
        batch_add(batch, SQL_SUPERVISOR_CONDEMN);
        batch_int(batch, id);
        batch_int(batch, token);
        batch_int(batch, new_token);
}

void supervisor_others_add(Batch *batch, int32_t own_id) {
        batch_add(batch, SQL_SUPERVISOR_OTHERS);
        batch_int(batch, own_id);
}

static void copy_text(char *to, size_t size, const char *from) {
        (void) snprintf(to, size, "%s", from ? from : "");
}

void supervisor_others_read(const PGresult *result, int row, Peer *ret) {
        *ret = (Peer){
                .id = (int32_t) db_int(result, row, 0),
                .token = db_int(result, row, 1),
                .pid = (int32_t) db_int(result, row, 3),
                .start_ticks = db_int(result, row, 5),
                .has_lapsed = db_bool(result, row, 6),
        };
        copy_text(ret->host, sizeof(ret->host), db_text(result, row, 2));
        copy_text(ret->boot, sizeof(ret->boot), db_text(result, row, 4));
}

void holder_list_add(Batch *batch, int32_t supervisor_id) {
        batch_add(batch, SQL_HOLDER_LIST);
        batch_int(batch, supervisor_id);
}

static void add_holder(Batch *batch, SqlId statement, int32_t supervisor_id, int32_t pid) {
        batch_add(batch, statement);
        batch_int(batch, supervisor_id);
        if (pid)
                batch_int(batch, pid);
        else
                batch_null(batch);
}

void holder_settle_add(Batch *batch, int32_t supervisor_id, int32_t pid, const char *summary) {
        batch_add(batch, SQL_SUPERVISOR_LOCK);
        batch_int(batch, supervisor_id);
        add_holder(batch, SQL_HOLDER_LOCK, supervisor_id, pid);
        add_holder(batch, SQL_HOLDER_SETTLE, supervisor_id, pid);
        batch_text(batch, summary);
        add_holder(batch, SQL_HOLDER_CANCELED, supervisor_id, pid);
        add_holder(batch, SQL_HOLDER_FREE, supervisor_id, pid);
}

void lane_stalled_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t job_id,
                      usec_t silence_usec) {
        batch_add(batch, SQL_LANE_STALLED);
        batch_int(batch, co_id);
        batch_int(batch, supervisor_id);
        batch_int(batch, job_id);
        batch_int(batch, (int64_t) (silence_usec / USEC_PER_SEC));
}
