/*
 * libpq's pipeline mode gives, for each statement, a result and a NULL, and at the end of the
 * transaction a sync result. After an error the rest of the batch comes back as aborted. This
 * file turns that into "not yet" and "complete", and is the only one that knows it.
 */
#include "db/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/parse.h"
#include "util/text.h"

void db_reply_done(DbReply *reply) {
        for (size_t i = 0; i < reply->n; i++)
                PQclear(reply->results[i]);
        *reply = (DbReply){0};
}

static void set_message(DbError *error, const char *message) {
        char line[sizeof(error->message)];
        (void) text_copy_utf8(line, sizeof(line), 0, message);
        line[strcspn(line, "\n")] = '\0';
        memcpy(error->message, line, sizeof(line));
}

/* An error always has words. */
static void explain_loss(const DbLink *link, DbError *error) {
        if (!*error->message)
                set_message(error, link->conn ? PQerrorMessage(link->conn) : "not connected");
        if (!*error->message)
                set_message(error, "connection lost");
}

void exchange_lost(const DbLink *link, DbReply *reply) {
        if (reply->error.class)
                return;
        reply->error.class = DB_E_UNAVAILABLE;
        explain_loss(link, &reply->error);
}

int exchange_send(Exchange *exchange, DbLink *link, const Batch *batch, DbReply *reply) {
        if (batch->error) {
                reply->error.class = batch->error;
                (void) snprintf(reply->error.message, sizeof(reply->error.message),
                                "the statement could not be put together: %s",
                                strerror(-batch->error));
                return batch->error;
        }
        *exchange = (Exchange){.sent = batch->n};
        for (size_t i = 0; i < batch->n; i++) {
                const BatchStatement *s = &batch->statements[i];
                const char *name = sql_name(s->id);
                if (!link->prepared[s->id]) {
                        if (!PQsendPrepare(link->conn, name, sql_text(s->id), 0, NULL))
                                goto lost;
                        exchange->prepares |= 1u << i;
                        link->prepared[s->id] = 1; /* taken back if it fails */
                }
                if (!PQsendQueryPrepared(link->conn, name, s->n, (const char *const *) s->values,
                                         NULL, NULL, 0))
                        goto lost;
        }
        exchange->is_preparing = (int) (exchange->prepares & 1u);
        if (PQpipelineSync(link->conn) && PQflush(link->conn) >= 0)
                return 0;
lost:
        exchange_lost(link, reply);
        return reply->error.class;
}

/*
 * Somebody has changed the type of a column that a prepared statement returns. No other function of
 * the server says so, and only a new session prepares the statement anew.
 */
static int is_stale_plan(const PGresult *result, const char *state) {
        const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
        return state && function && !strcmp(state, "0A000") &&
               !strcmp(function, "RevalidateCachedQuery");
}

static void note_error(const Exchange *exchange, const Batch *batch, const PGresult *result,
                       DbReply *reply) {
        DbError *error = &reply->error;
        if (error->class)
                return;
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

        error->class = is_stale_plan(result, state) ? DB_E_UNAVAILABLE : sqlstate_classify(state);
        (void) snprintf(error->sqlstate, sizeof(error->sqlstate), "%.5s", state ? state : "");
        error->where =
                exchange->at < batch->n ? sql_name(batch->statements[exchange->at].id) : NULL;
        set_message(error, message ? message : PQresultErrorMessage(result));
}

/* The preparations from statement `at` on were not carried out. */
static void forget_prepares(const Exchange *exchange, DbLink *link, const Batch *batch) {
        for (size_t i = exchange->at + !exchange->is_preparing; i < batch->n; i++)
                if (exchange->prepares & 1u << i)
                        link->prepared[batch->statements[i].id] = 0;
}

/* One result; returns 1 when it was the sync at the end. */
static int take_result(Exchange *exchange, DbLink *link, const Batch *batch, DbReply *reply,
                       PGresult *result) {
        switch (PQresultStatus(result)) {
        case PGRES_PIPELINE_SYNC:
                PQclear(result);
                return 1;
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
                if (!exchange->is_preparing && reply->n < BATCH_MAX_STATEMENTS) {
                        reply->results[reply->n++] = result;
                        return 0;
                }
                break;
        case PGRES_PIPELINE_ABORTED:
                break;
        default:
                if (!reply->error.class)
                        forget_prepares(exchange, link, batch);
                note_error(exchange, batch, result, reply);
        }
        PQclear(result);
        return 0;
}

/* A NULL result ends what belongs to one message. */
static void next_message(Exchange *exchange) {
        if (exchange->is_preparing) {
                exchange->is_preparing = 0;
                return;
        }
        exchange->at++;
        exchange->is_preparing = (exchange->prepares >> exchange->at & 1u) != 0;
}

int exchange_feed(Exchange *exchange, DbLink *link, const Batch *batch, DbReply *reply) {
        int nulls = 0;

        while (!PQisBusy(link->conn)) {
                PGresult *result = PQgetResult(link->conn);
                if (!result) {
                        /* Two in a row: the connection has nothing more to say, and is dead. */
                        if (nulls++) {
                                exchange_lost(link, reply);
                                return 1;
                        }
                        next_message(exchange);
                        continue;
                }
                nulls = 0;
                if (take_result(exchange, link, batch, reply, result))
                        return 1;
                /* libpq may have lost count, as without memory: no sync would ever come. */
                if (reply->error.class == DB_E_UNAVAILABLE) {
                        explain_loss(link, &reply->error);
                        return 1;
                }
                if (PQstatus(link->conn) == CONNECTION_BAD) {
                        exchange_lost(link, reply);
                        return 1;
                }
        }
        return 0;
}

int db_rows(const DbReply *reply, size_t i) {
        return i < reply->n ? PQntuples(reply->results[i]) : 0;
}

int64_t db_affected(const DbReply *reply, size_t i) {
        int64_t n = 0;
        if (i < reply->n)
                (void) parse_int64(PQcmdTuples(reply->results[i]), 0, INT64_MAX, &n);
        return n;
}

const char *db_text(const PGresult *result, int row, int column) {
        return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

int64_t db_int(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        int64_t value = 0;
        if (text)
                (void) parse_int64(text, INT64_MIN, INT64_MAX, &value);
        return value;
}

int db_bool(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        return text && *text == 't';
}
