/*
 * Workers and the command run their batches here. Every wait ends with the deadline of the batch.
 * After DB_E_UNAVAILABLE the connection is useless: the caller closes it and opens another one.
 * What is still to come on it would be taken for the answer of the next batch.
 */
#include "db/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "db/connect.h"
#include "db/crash_sent.h"
#include "util/error.h"

/* The server ends a statement after statement_usec; this much later the server is taken for gone.
 */
#define DEADLINE_MARGIN_USEC (10 * USEC_PER_SEC)
#define MAX_TRIES 3

int db_open_plain(const DbSettings *settings, PGconn **ret, DbError *error) {
        *error = (DbError){0};
        return connect_open(settings, 0, ret, error);
}

int db_reset_plain(const DbSettings *settings, PGconn *conn, DbError *error) {
        *error = (DbError){0};
        PQreset(conn);
        return connect_set_up(conn, settings, 0, error);
}

Db *db_close(Db *db) {
        if (db) {
                PQfinish(db->link.conn);
                free(db);
        }
        return NULL;
}

int db_open(const DbSettings *settings, Db **ret, DbError *error) {
        *error = (DbError){0};
        _cleanup_(db_closep) Db *db = calloc(1, sizeof(*db));
        if (!db)
                return error->class = error_origin(-ENOMEM);
        db->deadline_usec = settings->deadline_usec
                                    ? settings->deadline_usec
                                    : settings->statement_usec + DEADLINE_MARGIN_USEC;
        int r = connect_open(settings, 1, &db->link.conn, error);
        if (r)
                return r;
        if (PQsetnonblocking(db->link.conn, 1) < 0 || !PQenterPipelineMode(db->link.conn)) {
                *error = (DbError){.class = DB_E_UNAVAILABLE, .message = "no pipeline mode"};
                return error->class;
        }
        *ret = TAKE_PTR(db);
        return 0;
}

int db_is_alive(Db *db) {
        return !db->is_lost && PQconsumeInput(db->link.conn) &&
               PQstatus(db->link.conn) == CONNECTION_OK;
}

/* Writes the rest of the batch, and waits for bytes of the answer. */
static int wait_for_reply(Db *db, usec_t until_usec, DbReply *reply) {
        for (;;) {
                int unsent = PQflush(db->link.conn);
                if (unsent < 0)
                        break;
                usec_t now = clock_now_usec();
                if (now >= until_usec) {
                        reply->error.class = DB_E_UNAVAILABLE;
                        (void) snprintf(reply->error.message, sizeof(reply->error.message),
                                        "no answer within %llu s",
                                        (unsigned long long) (db->deadline_usec / USEC_PER_SEC));
                        return reply->error.class;
                }
                struct pollfd fd = {.fd = PQsocket(db->link.conn),
                                    .events = (short) (POLLIN | (unsent ? POLLOUT : 0))};
                int n = poll(&fd, 1, (int) ((until_usec - now) / USEC_PER_MSEC) + 1);
                if (n < 0 && errno != EINTR)
                        break;
                if (n > 0 && fd.revents & (POLLIN | POLLERR | POLLHUP)) {
                        if (!PQconsumeInput(db->link.conn))
                                break;
                        return 0;
                }
        }
        exchange_lost(&db->link, reply);
        return reply->error.class;
}

static int run_once(Db *db, const Batch *batch, DbReply *reply) {
        Exchange exchange;
        usec_t until = usec_add(clock_now_usec(), db->deadline_usec);

        if (db->is_lost) {
                exchange_lost(&db->link, reply);
                return reply->error.class;
        }
        crash_before_send(db, batch);
        int r = exchange_send(&exchange, &db->link, batch, reply);
        if (!r)
                crash_after_send(batch);
        while (!r) {
                r = wait_for_reply(db, until, reply);
                if (!r && exchange_feed(&exchange, &db->link, batch, reply))
                        break;
        }
        db->is_lost = reply->error.class == DB_E_UNAVAILABLE;
        return reply->error.class;
}

int db_run(Db *db, Batch *batch, DbReply *reply) {
        *reply = (DbReply){0};
        int r = run_once(db, batch, reply);
        batch_done(batch);
        return r;
}

int db_run_retry(Db *db, Batch *batch, DbReply *reply) {
        int r = 0;
        for (int i = 0; i < MAX_TRIES; i++) {
                *reply = (DbReply){0};
                r = run_once(db, batch, reply);
                if (r != DB_E_RETRY)
                        break;
                if (i < MAX_TRIES - 1)
                        db_reply_done(reply);
        }
        batch_done(batch);
        return r;
}
