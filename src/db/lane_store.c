#include "db/lane_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "db/schema.h"
#include "util/error.h"

#define TOKEN_TRIES 100
#define PROMOTE_LIMIT 1000 /* of queue_promote.sql */
#define REFUSED_CHARS 500  /* of the server's words: what `why` has room for */
#define PROBLEM_CHARS 4000 /* of why models are missing, a line for each reason */

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
                   int64_t start_ticks, int64_t token, int32_t generation) {
        batch_add(batch, SQL_LANE_TAKE);
        batch_int(batch, co_id);
        batch_int(batch, supervisor_id);
        batch_int(batch, pid);
        batch_int(batch, start_ticks);
        batch_int(batch, token);
        batch_int(batch, generation);
}

int lane_take_read(const PGresult *result) {
        return db_bool(result, 0, 0);
}

void lane_refused_add(Batch *batch, int32_t co_id, const char *words, const RefusalPolicy *policy) {
        batch_add(batch, SQL_LANE_REFUSED);
        batch_int(batch, co_id);
        batch_words(batch, words, REFUSED_CHARS);
        batch_int(batch, (int64_t) (policy->first_usec / USEC_PER_MSEC));
        batch_int(batch, (int64_t) (policy->max_usec / USEC_PER_MSEC));
}

Refused lane_refused_read(const PGresult *result) {
        if (!PQntuples(result))
                return (Refused){0};
        return (Refused){.job_id = (int32_t) db_int(result, 0, 0),
                         .n = (int32_t) db_int(result, 0, 1),
                         .delay_usec = (usec_t) db_int(result, 0, 2) * USEC_PER_MSEC};
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

void queue_look_add(Batch *batch, int32_t above, int32_t supervisor_id) {
        batch_add(batch, SQL_QUEUE_PROMOTE);
        batch_add(batch, SQL_QUEUE_WAITING);
        batch_int(batch, above);
        batch_int(batch, supervisor_id);
        batch_add(batch, SQL_QUEUE_NEXT_DUE);
}

int queue_look_rows(const DbReply *reply) {
        return db_rows(reply, LOOK_WAITING);
}

int32_t queue_look_co(const DbReply *reply, int row) {
        const PGresult *result = reply->results[LOOK_WAITING];
        return db_bool(result, row, 1) ? (int32_t) db_int(result, row, 0) : 0;
}

usec_t queue_look_next(const DbReply *reply) {
        const PGresult *result = reply->results[LOOK_NEXT];
        if (!PQntuples(result) || PQgetisnull(result, 0, 0))
                return USEC_INFINITY;
        int64_t usec = db_int(result, 0, 0);
        return usec > 0 ? (usec_t) usec : 0;
}

int32_t queue_look_above(const DbReply *reply) {
        for (int row = queue_look_rows(reply) - 1; row >= 0; row--)
                if (db_bool(reply->results[LOOK_WAITING], row, 2))
                        return (int32_t) db_int(reply->results[LOOK_WAITING], row, 0);
        return 0;
}

int queue_look_is_full(const DbReply *reply) {
        return db_rows(reply, LOOK_PROMOTED) >= PROMOTE_LIMIT || queue_look_above(reply);
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

void supervisor_models_add(Batch *batch, int32_t id, const char *models, int32_t generation,
                           const char *problem) {
        batch_add(batch, SQL_SUPERVISOR_MODELS);
        batch_int(batch, id);
        batch_text(batch, models);
        batch_int(batch, generation);
        if (problem)
                batch_words(batch, problem, PROBLEM_CHARS);
        else
                batch_null(batch);
}

int supervisor_register_read(const DbReply *reply, int32_t *ret_id, DbError *error) {
        int32_t id = (int32_t) db_int(reply->results[0], 0, 0);

        if (!id && db_bool(reply->results[0], 0, 2)) {
                *error = (DbError){.class = DB_E_COPY,
                                   .message = "this database is a copy of the one that the schema "
                                              "jobd was installed in"};
                return error->class;
        }
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
                          const char *counters, const char *trouble, int64_t trouble_seconds) {
        batch_add(batch, SQL_SUPERVISOR_RENEW);
        batch_int(batch, identity->id);
        batch_int(batch, identity->token);
        batch_int(batch, workers);
        batch_int(batch, busy);
        batch_text(batch, counters);
        batch_text(batch, trouble);
        batch_int(batch, trouble_seconds);
}

void supervisor_remove_add(Batch *batch, int32_t id, int64_t token) {
        batch_add(batch, SQL_SUPERVISOR_REMOVE);
        batch_int(batch, id);
        batch_int(batch, token);
}

void supervisor_condemn_add(Batch *batch, const Will *will, int64_t new_token) {
        batch_add(batch, SQL_SUPERVISOR_CONDEMN);
        batch_int(batch, will->supervisor_id);
        batch_int(batch, will->token);
        batch_int(batch, will->renewals);
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
                .renewals = db_int(result, row, 6),
                .lease_usec = (usec_t) db_int(result, row, 7) * USEC_PER_MSEC,
        };
        copy_text(ret->host, sizeof(ret->host), db_text(result, row, 2));
        copy_text(ret->boot, sizeof(ret->boot), db_text(result, row, 4));
}

int peer_is_here(const Identity *self, const Peer *peer) {
        return !strcmp(self->host, peer->host) && !strcmp(self->boot, peer->boot);
}

int peer_is_gone(const Identity *self, const Peer *peer) {
        return peer_is_here(self, peer) &&
               process_life(peer->pid, peer->start_ticks) == PROCESS_GONE;
}

void lanes_left_add(Batch *batch, int32_t own_id, int32_t co_id) {
        batch_add(batch, SQL_LANES_LEFT);
        batch_int(batch, own_id);
        if (co_id)
                batch_int(batch, co_id);
        else
                batch_null(batch);
        batch_int(batch, LANES_LEFT_MAX + 1);
}

void lanes_left_read(const PGresult *result, int row, LaneLeft *ret) {
        *ret = (LaneLeft){.co_id = (int32_t) db_int(result, row, 0),
                          .kind = db_text(result, row, 1),
                          .host = db_text(result, row, 2),
                          .pid = (int32_t) db_int(result, row, 3),
                          .seen_ago = db_int(result, row, 4),
                          .has_lapsed = db_bool(result, row, 5)};
}

void models_unprovided_add(Batch *batch, int32_t own_id, int limit) {
        batch_add(batch, SQL_MODELS_UNPROVIDED);
        batch_int(batch, own_id);
        batch_int(batch, limit);
}

void models_unprovided_read(const PGresult *result, int row, ModelLeft *ret) {
        enum { MODEL, JOBS, DUE, COS, FIRST_JOB };

        *ret = (ModelLeft){.name = db_text(result, row, MODEL),
                           .jobs = db_int(result, row, JOBS),
                           .first_job = (int32_t) db_int(result, row, FIRST_JOB)};
}

void lane_holders_add(Batch *batch, int32_t supervisor_id) {
        batch_add(batch, SQL_LANE_HOLDERS);
        batch_int(batch, supervisor_id);
}

/* NULL is "all of them", or none. */
static void add_number(Batch *batch, int64_t number, int is_null) {
        if (is_null)
                batch_null(batch);
        else
                batch_int(batch, number);
}

static void add_dead(Batch *batch, SqlId statement, const Will *will) {
        batch_add(batch, statement);
        batch_int(batch, will->supervisor_id);
        add_number(batch, will->pid, !will->pid);
        add_number(batch, will->start_ticks, !will->pid);
}

void settle_add(Batch *batch, const Will *will) {
        add_dead(batch, SQL_LANE_LOCK, will);
        add_dead(batch, SQL_SETTLE, will);
        add_number(batch, will->job_id, !will->job_id);
        if (*will->summary)
                batch_text(batch, will->summary);
        else /* the server has refused it */
                batch_null(batch);
        if (!will->pid)
                supervisor_remove_add(batch, will->supervisor_id, will->token);
}

void settle_read(const PGresult *result, int row, Settled *ret) {
        const char *event = db_text(result, row, 7);

        *ret = (Settled){.event = !event || !strcmp(event, "told") ? SETTLE_TOLD
                                  : !strcmp(event, "settled")      ? SETTLE_FAILED
                                                                   : SETTLE_CANCELED,
                         .co_id = (int32_t) db_int(result, row, 5),
                         .plugin = db_text(result, row, 6)};
        job_finish_read(result, row, &ret->job);
}

void worker_jobs_add(Batch *batch, const int32_t *ids, size_t n, const char *host,
                     const int32_t *pids, size_t n_pids) {
        batch_add(batch, SQL_WORKER_JOBS);
        batch_int_array(batch, ids, n);
        batch_text(batch, host);
        batch_int_array(batch, pids, n_pids);
}

void lane_stalled_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t job_id,
                      usec_t silence_usec) {
        batch_add(batch, SQL_LANE_STALLED);
        batch_int(batch, co_id);
        batch_int(batch, supervisor_id);
        batch_int(batch, job_id);
        batch_int(batch, (int64_t) (silence_usec / USEC_PER_SEC));
}
