/*
 * The supervisor's link (in its thread), workers and the command open their connections here. Waits
 * end after DbSettings.connect_usec; a server that does not answer in time is DB_E_UNAVAILABLE.
 */
#include "db/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "db/credential.h"
#include "util/parse.h"
#include "util/text.h"

#define CONNECT_USEC (10 * USEC_PER_SEC)
#define PROBES 8 /* enough for a pooler that uses its servers in turn */

static int set_error(PGconn *conn, DbError *error) {
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

/* libpq itself would write to standard error what a server says, as it is, and wait for room. */
static void ignore_notice(void *userdata, const PGresult *result) {
        (void) userdata;
        (void) result;
}

/* Not that libpq itself did not like it, as a standby where read-write is asked for. */
static int is_said_by_server(const PGconn *conn) {
        return PQconnectionNeedsPassword(conn) || PQconnectionUsedPassword(conn) ||
               strstr(PQerrorMessage(conn), "FATAL") != NULL;
}

/*
 * The conninfo overrides the values before it, and none of those behind it: by application_name the
 * guard of the database knows a connection of ours that goes through a pooler. An error in the
 * credential is ignored: the reader of the configuration reported it. The keepalives notice a dead
 * server within half a minute, whatever the kernel's settings are.
 */
static PGconn *connect_to(const DbSettings *settings, DbError *error) {
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
                                        "password",
                                        "dbname",
                                        "application_name",
                                        "client_encoding",
                                        NULL};
        const char *const values[] = {timeout,
                                      "10",
                                      "5",
                                      "3",
                                      "30000",
                                      "read-write",
                                      has_password ? password : NULL,
                                      settings->conninfo,
                                      settings->application_name,
                                      "UTF8",
                                      NULL};
        (void) snprintf(timeout, sizeof(timeout), "%u", (unsigned) seconds);
        usec_t began = clock_now_usec();
        PGconn *conn = PQconnectdbParams(keywords, values, 1);
        if (PQstatus(conn) != CONNECTION_OK) {
                (void) set_error(conn, error);
                /* libpq does not tell the SQLSTATE of a refusal; and no second wait for silence. */
                if (is_said_by_server(conn) && clock_now_usec() < usec_add(began, USEC_PER_SEC))
                        error->is_refused = PQpingParams(keywords, values, 1) == PQPING_OK;
        } else {
                (void) PQsetNoticeReceiver(conn, ignore_notice, NULL);
        }
        explicit_bzero(password, sizeof(password));
        return conn;
}

/* Waits for the next result of the command. Returns 0, or DB_E_UNAVAILABLE. */
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

/* Runs SQL text. Returns the last result, which the caller frees; NULL without an answer in time.
 */
static PGresult *run_sql(PGconn *conn, const char *sql, usec_t limit_usec) {
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

/*
 * The last statement of the set-up. The session gets the zone of the Registry's times; NULL without
 * the schema. Whoever may become a superuser counts as one: a function of a stranger's does SET
 * ROLE or RESET ROLE for him.
 */
static const char about_session[] =
        "SELECT current_database(), getdatabaseencoding(), session_user,"
        " EXISTS (SELECT FROM pg_roles r"
        "          WHERE r.rolsuper AND pg_has_role(session_user, r.oid, 'MEMBER')),"
        " (SELECT set_config('TimeZone', z.name, false) FROM (" CONNECT_ZONE_SQL ") z (name))";

/* Refuses a server that must not be used so. */
static int judge_session(const PGresult *result, const DbSettings *settings, DbError *error) {
        const char *database = PQgetvalue(result, 0, 0), *encoding = PQgetvalue(result, 0, 1);
        const char *zone = PQgetvalue(result, 0, 4), *wanted = settings->timezone;

        *error = (DbError){0};
        if (strcmp(encoding, "UTF8") != 0) {
                error->class = DB_E_ENCODING;
                (void) snprintf(error->message, sizeof(error->message),
                                "database %s has the encoding %s, and must have UTF8", database,
                                encoding);
        } else if (!settings->allows_superuser && *PQgetvalue(result, 0, 3) == 't') {
                error->class = DB_E_SUPERUSER;
                (void) snprintf(error->message, sizeof(error->message),
                                "role %s is a superuser, or may become one, and must not",
                                PQgetvalue(result, 0, 2));
        } else if (wanted && *wanted && *zone && strcmp(wanted, zone) != 0) {
                error->class = DB_E_TIMEZONE;
                (void) snprintf(error->message, sizeof(error->message),
                                "the schema of database %s takes the Registry's times for %s, and "
                                "the configuration says %s",
                                database, zone, wanted);
        }
        return error->class;
}

/* The settings are in a query, because poolers refuse unknown parameters of the start packet. */
int connect_set_up(PGconn *conn, const DbSettings *settings, int is_ours, DbError *error) {
        /*
         * Settings of the database or the role must not change how our statements run. With another
         * schema in the path an operator of a stranger's that fits its operands better is preferred
         * to the one of PostgreSQL. A sequential scan of jobs is wrong for each of our statements,
         * even when stale statistics suggest one (LESSONS.md 21, 28).
         */
        static const char ours[] = "SET jit = off; SET enable_seqscan = off;"
                                   "SET plan_cache_mode = force_generic_plan;"
                                   "SET default_transaction_isolation = 'read committed';"
                                   "SET default_transaction_deferrable = off;"
                                   "SET idle_session_timeout = 0;";
        /*
         * To the triggers of jobs this session is the daemon's (schema, guard). Behind a pooler the
         * server process may serve others next: there the triggers do for ours what they do for
         * everybody.
         */
        char writer[128] = "";
        if (is_ours)
                (void) snprintf(writer, sizeof(writer),
                                "SELECT set_config('jobd.writer', 'registry-jobd', false)"
                                " WHERE pg_backend_pid() = %d;",
                                PQbackendPID(conn));
        _cleanup_(freep) char *sql = text_format(
                "SET search_path = pg_catalog; SET statement_timeout = %llu;"
                "SET lock_timeout = %llu;"
                "SET idle_in_transaction_session_timeout = %d;"
                "%sSET DateStyle = 'ISO'; SET TimeZone = 'UTC';%s%s%s;%s",
                (unsigned long long) (settings->statement_usec / USEC_PER_MSEC),
                (unsigned long long) (settings->lock_usec / USEC_PER_MSEC), is_ours ? 60000 : 0,
                writer, is_ours ? ours : "", settings->listen ? "LISTEN " : "",
                settings->listen ? settings->listen : "", about_session);
        if (!sql)
                return set_error(NULL, error);
        PGresult *result = run_sql(conn, sql, connect_usec(settings));
        int is_done = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
        int r = is_done ? judge_session(result, settings, error) : set_error(conn, error);
        PQclear(result);
        if (r && !*error->message)
                (void) snprintf(error->message, sizeof(error->message),
                                "no answer from the server within %llu s",
                                (unsigned long long) (connect_usec(settings) / USEC_PER_SEC));
        return r;
}

int connect_open(const DbSettings *settings, int is_ours, PGconn **ret, DbError *error) {
        PGconn *conn = connect_to(settings, error);
        int is_between;
        int r = PQstatus(conn) == CONNECTION_OK ? 0 : error->class;
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

/* The PID of the server process that serves this statement; 0 without an answer. */
static int32_t backend_of(PGconn *conn, const DbSettings *settings) {
        PGresult *result = run_sql(conn, "SELECT pg_backend_pid()", connect_usec(settings));
        int32_t pid = 0;

        if (PQresultStatus(result) == PGRES_TUPLES_OK)
                (void) parse_int32(PQgetvalue(result, 0, 0), 1, INT32_MAX, &pid);
        PQclear(result);
        return pid;
}

/* 1 when the statement fails. A pooler in statement mode refuses BEGIN. */
static int is_refused(PGconn *conn, const char *sql, const DbSettings *settings) {
        PGresult *result = run_sql(conn, sql, connect_usec(settings));
        int is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        return !is_done;
}

/*
 * Finds out whether sessions share server processes. `pid` serves `conn`. `other` opens a
 * transaction, in which its server process belongs to it alone. Sessions share when that process is
 * `pid`, or when `conn` is ever served by another process. Each lap asks for three servers, two of
 * them for `conn`: a pooler that uses its servers in turn gives `conn` another one, however many
 * there are.
 */
static int check_sharing(PGconn *conn, int32_t pid, PGconn *other, const DbSettings *settings,
                         DbError *error) {
        for (int i = 0; i < PROBES; i++) {
                for (int n = 0; n < 2; n++) {
                        int32_t now = backend_of(conn, settings);
                        if (now != pid)
                                return now ? DB_E_POOLER : set_error(conn, error);
                }
                if (is_refused(other, "BEGIN", settings))
                        return DB_E_POOLER;
                int32_t others = backend_of(other, settings);
                (void) is_refused(other, "ROLLBACK", settings);
                if (!others || others == pid)
                        return others ? DB_E_POOLER : set_error(other, error);
        }
        return 0;
}

int connect_check_pooler(PGconn *conn, const DbSettings *settings, int *ret_is_between,
                         DbError *error) {
        int32_t pid = backend_of(conn, settings);

        if (!pid)
                return set_error(conn, error);
        *ret_is_between = pid != PQbackendPID(conn);
        if (!*ret_is_between)
                return 0;
        PGconn *other = connect_to(settings, error);
        int r = PQstatus(other) == CONNECTION_OK ? 0 : error->class;
        if (!r)
                r = check_sharing(conn, pid, other, settings, error);
        if (r == DB_E_POOLER)
                *error = (DbError){.class = r,
                                   .message = "the connection goes through a pooler that shares "
                                              "servers between sessions, as PgBouncer does in "
                                              "transaction and statement mode"};
        PQfinish(other);
        return r;
}
