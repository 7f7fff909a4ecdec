/* Blocking, but never for ever: every wait here has the batch's deadline. */
#include "db/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

/* Beyond the server's own statement_timeout: for a server that is gone. */
#define DEADLINE_MARGIN_USEC (10 * USEC_PER_SEC)
#define MAX_TRIES 3

static void note_connection_error(PGconn *conn, DbError *error) {
        *error = (DbError){.class = DB_E_UNAVAILABLE};
        const char *message = conn ? PQerrorMessage(conn) : "out of memory";
        (void) text_copy_utf8(error->message, sizeof(error->message), 0, message);
        size_t n = strlen(error->message);
        while (n && error->message[n - 1] == '\n')
                error->message[--n] = '\0';
        for (char *p = error->message; *p; p++)
                if (*p == '\n')
                        *p = ' ';
}

/*
 * Values before the conninfo are defaults that it can override, those behind it are ours. A dead
 * peer is noticed within half a minute whatever the kernel's own settings are.
 */
static PGconn *connect_to(const DbSettings *settings) {
        const char *const keywords[] = {"connect_timeout",     "keepalives_idle",
                                        "keepalives_interval", "keepalives_count",
                                        "tcp_user_timeout",    "target_session_attrs",
                                        "application_name",    "dbname",
                                        "client_encoding",     NULL};
        const char *const values[] = {"10",
                                      "10",
                                      "5",
                                      "3",
                                      "30000",
                                      "read-write",
                                      settings->application_name,
                                      settings->conninfo,
                                      "UTF8",
                                      NULL};
        return PQconnectdbParams(keywords, values, 1);
}

/* SET in a query, not in the start packet: connection poolers refuse unknown start parameters. */
static int set_up(PGconn *conn, const DbSettings *settings, int is_ours, DbError *error) {
        /*
         * A sequential scan of jobs is never right for a statement of ours, whatever the statistics
         * said when its plan was made (LESSONS.md 21, 28).
         */
        char sql[512];
        (void) snprintf(
                sql, sizeof(sql),
                "SET search_path = pg_catalog, public; SET statement_timeout = %llu;"
                "SET lock_timeout = %llu;"
                "SET idle_in_transaction_session_timeout = %d;"
                "SET DateStyle = 'ISO'; SET TimeZone = 'UTC';%s%s%s",
                (unsigned long long) (settings->statement_usec / USEC_PER_MSEC),
                (unsigned long long) (settings->lock_usec / USEC_PER_MSEC), is_ours ? 60000 : 0,
                is_ours ? "SET jit = off; SET enable_seqscan = off;"
                          "SET plan_cache_mode = force_generic_plan;"
                        : "",
                settings->listen ? "LISTEN " : "", settings->listen ? settings->listen : "");
        PGresult *result = PQexec(conn, sql);
        int r = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : DB_E_UNAVAILABLE;
        PQclear(result);
        if (r)
                note_connection_error(conn, error);
        return r;
}

int db_open_plain(const DbSettings *settings, PGconn **ret, DbError *error) {
        PGconn *conn = connect_to(settings);
        if (PQstatus(conn) != CONNECTION_OK) {
                note_connection_error(conn, error);
                PQfinish(conn);
                return DB_E_UNAVAILABLE;
        }
        int r = set_up(conn, settings, 0, error);
        if (r) {
                PQfinish(conn);
                return r;
        }
        *ret = conn;
        return 0;
}

static void ignore_notice(void *userdata, const PGresult *result) {
        (void) userdata;
        (void) result;
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
        db->deadline_usec = settings->statement_usec + DEADLINE_MARGIN_USEC;
        db->link.conn = connect_to(settings);
        if (PQstatus(db->link.conn) != CONNECTION_OK) {
                note_connection_error(db->link.conn, error);
                return error->class;
        }
        int r = set_up(db->link.conn, settings, 1, error);
        if (r)
                return r;
        (void) PQsetNoticeReceiver(db->link.conn, ignore_notice, NULL);
        if (PQsetnonblocking(db->link.conn, 1) < 0 || !PQenterPipelineMode(db->link.conn)) {
                note_connection_error(db->link.conn, error);
                return error->class;
        }
        *ret = TAKE_PTR(db);
        return 0;
}

int db_is_alive(Db *db) {
        return PQconsumeInput(db->link.conn) && PQstatus(db->link.conn) == CONNECTION_OK;
}

/* Waits until the socket has something for us; writes what is left to write. */
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

        int r = exchange_send(&exchange, &db->link, batch, reply);
        while (!r) {
                r = wait_for_reply(db, until, reply);
                if (!r && exchange_feed(&exchange, &db->link, batch, reply))
                        break;
        }
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
