#include "db/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "db/credential.h"
#include "util/parse.h"
#include "util/text.h"

#define CONNECT_USEC (10 * USEC_PER_SEC)
#define PROBES 8 /* a pooler that takes its servers in turns shows itself by then */

static int note_error(PGconn *conn, DbError *error) {
        *error = (DbError){.class = DB_E_UNAVAILABLE};
        const char *message = conn ? PQerrorMessage(conn) : "out of memory";
        (void) text_copy_utf8(error->message, sizeof(error->message), 0, message);
        size_t n = strlen(error->message);
        while (n && error->message[n - 1] == '\n')
                error->message[--n] = '\0';
        text_make_line(error->message);
        return error->class;
}

static usec_t connect_usec(const DbSettings *settings) {
        return settings->connect_usec ? settings->connect_usec : CONNECT_USEC;
}

/*
 * Values before the conninfo are defaults that it can override, those behind it are ours. What is
 * wrong with the credential was said when the configuration was read. A dead peer is noticed within
 * half a minute whatever the kernel's own settings are.
 */
static PGconn *connect_to(const DbSettings *settings) {
        char password[CREDENTIAL_SIZE], ignored[CREDENTIAL_SIZE];
        int has_password = !credential_read(password, ignored, sizeof(ignored));
        char timeout[16]; /* libpq's takes whole seconds, two at least */
        usec_t seconds = MAX_OF(connect_usec(settings) / USEC_PER_SEC, 2);
        const char *const keywords[] = {"connect_timeout",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "target_session_attrs",
                                        "application_name",
                                        "password",
                                        "dbname",
                                        "client_encoding",
                                        NULL};
        const char *const values[] = {timeout,
                                      "10",
                                      "5",
                                      "3",
                                      "30000",
                                      "read-write",
                                      settings->application_name,
                                      has_password ? password : NULL,
                                      settings->conninfo,
                                      "UTF8",
                                      NULL};
        (void) snprintf(timeout, sizeof(timeout), "%u", (unsigned) seconds);
        PGconn *conn = PQconnectdbParams(keywords, values, 1);
        explicit_bzero(password, sizeof(password));
        return conn;
}

/* Waits until the command's next result is there: 0, or DB_E_UNAVAILABLE. */
static int wait_for_result(PGconn *conn, usec_t until_usec) {
        for (;;) {
                if (!PQconsumeInput(conn))
                        return DB_E_UNAVAILABLE;
                if (!PQisBusy(conn))
                        return 0;
                usec_t now = clock_now_usec();
                if (now >= until_usec)
                        return DB_E_UNAVAILABLE;
                struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
                if (poll(&fd, 1, (int) ((until_usec - now) / USEC_PER_MSEC) + 1) < 0 &&
                    errno != EINTR)
                        return DB_E_UNAVAILABLE;
        }
}

/* Runs SQL text; the last result is the caller's, NULL when the server did not answer in time. */
static PGresult *execute(PGconn *conn, const char *sql, usec_t limit_usec) {
        usec_t until = usec_add(clock_now_usec(), limit_usec);
        PGresult *last = NULL, *result;

        if (!PQsendQuery(conn, sql))
                return NULL;
        for (;;) {
                if (wait_for_result(conn, until)) {
                        PQclear(last);
                        return NULL;
                }
                result = PQgetResult(conn);
                if (!result)
                        return last;
                PQclear(last);
                last = result;
        }
}

/* SET in a query, not in the start packet: connection poolers refuse unknown start parameters. */
int connect_set_up(PGconn *conn, const DbSettings *settings, int is_ours, DbError *error) {
        /*
         * What a database or a role may have set otherwise, and our statements are not made for.
         * A sequential scan of jobs is never right for one of them, whatever the statistics said
         * when its plan was made (LESSONS.md 21, 28).
         */
        static const char ours[] = "SET jit = off; SET enable_seqscan = off;"
                                   "SET plan_cache_mode = force_generic_plan;"
                                   "SET default_transaction_isolation = 'read committed';"
                                   "SET default_transaction_deferrable = off;"
                                   "SET idle_session_timeout = 0;";
        char sql[768];
        (void) snprintf(sql, sizeof(sql),
                        "SET search_path = pg_catalog, public; SET statement_timeout = %llu;"
                        "SET lock_timeout = %llu;"
                        "SET idle_in_transaction_session_timeout = %d;"
                        "SET DateStyle = 'ISO'; SET TimeZone = 'UTC';%s%s%s",
                        (unsigned long long) (settings->statement_usec / USEC_PER_MSEC),
                        (unsigned long long) (settings->lock_usec / USEC_PER_MSEC),
                        is_ours ? 60000 : 0, is_ours ? ours : "", settings->listen ? "LISTEN " : "",
                        settings->listen ? settings->listen : "");
        PGresult *result = execute(conn, sql, connect_usec(settings));
        int is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
        int r = is_done ? 0 : note_error(conn, error);
        PQclear(result);
        if (r && !*error->message)
                (void) snprintf(error->message, sizeof(error->message),
                                "no answer from the server within %llu s",
                                (unsigned long long) (connect_usec(settings) / USEC_PER_SEC));
        return r;
}

int connect_open(const DbSettings *settings, int is_ours, PGconn **ret, DbError *error) {
        PGconn *conn = connect_to(settings);
        int is_between;
        int r = PQstatus(conn) == CONNECTION_OK ? 0 : note_error(conn, error);
        if (!r && settings->refuses_pooler)
                r = connect_check_pooler(conn, settings, &is_between, error);
        if (!r)
                r = connect_set_up(conn, settings, is_ours, error);
        if (r) {
                PQfinish(conn);
                return r;
        }
        *ret = conn;
        return 0;
}

/* The process that serves this very statement; 0 when it cannot be had. */
static int32_t backend_of(PGconn *conn, const DbSettings *settings) {
        PGresult *result = execute(conn, "SELECT pg_backend_pid()", connect_usec(settings));
        int32_t pid = 0;

        if (PQresultStatus(result) == PGRES_TUPLES_OK)
                (void) parse_int32(PQgetvalue(result, 0, 0), 1, INT32_MAX, &pid);
        PQclear(result);
        return pid;
}

/* A statement that a session may always run, unless the pooler's mode forbids transactions. */
static int is_refused(PGconn *conn, const char *sql, const DbSettings *settings) {
        PGresult *result = execute(conn, sql, connect_usec(settings));
        int is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        return !is_done;
}

/*
 * `pid` serves `conn`. `other` sits in a transaction, so that its server process is its own. When
 * that is the one of `conn`, or `conn` gets another one at any time, sessions share. Three servers
 * are taken in a lap, two of them in a row: a pooler that gives them out in a round comes to
 * another one, however long the round is.
 */
static int look_for_sharing(PGconn *conn, int32_t pid, PGconn *other, const DbSettings *settings,
                            DbError *error) {
        for (int i = 0; i < PROBES; i++) {
                for (int n = 0; n < 2; n++) {
                        int32_t now = backend_of(conn, settings);
                        if (now != pid)
                                return now ? DB_E_POOLER : note_error(conn, error);
                }
                if (is_refused(other, "BEGIN", settings))
                        return DB_E_POOLER;
                int32_t others = backend_of(other, settings);
                (void) is_refused(other, "ROLLBACK", settings);
                if (!others || others == pid)
                        return others ? DB_E_POOLER : note_error(other, error);
        }
        return 0;
}

int connect_check_pooler(PGconn *conn, const DbSettings *settings, int *ret_is_between,
                         DbError *error) {
        int32_t pid = backend_of(conn, settings);

        if (!pid)
                return note_error(conn, error);
        *ret_is_between = pid != PQbackendPID(conn);
        if (!*ret_is_between)
                return 0;
        PGconn *other = connect_to(settings);
        int r = PQstatus(other) == CONNECTION_OK ? 0 : note_error(other, error);
        if (!r)
                r = look_for_sharing(conn, pid, other, settings, error);
        if (r == DB_E_POOLER)
                *error = (DbError){.class = r,
                                   .message = "the connection goes through a pooler that shares "
                                              "servers between sessions, as PgBouncer does in "
                                              "transaction and statement mode"};
        PQfinish(other);
        return r;
}
