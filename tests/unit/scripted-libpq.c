#include "scripted-libpq.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scripted-play.h"

struct pg_result {
        ExecStatusType status;
        const char *sqlstate;
        PlayedRows rows;
};

struct pg_conn server;
int live_results, connections;

static PGresult *new_result(ExecStatusType status, const char *sqlstate) {
        PGresult *result = calloc(1, sizeof(*result));
        *result = (PGresult){.status = status, .sqlstate = sqlstate};
        live_results++;
        return result;
}

static unsigned char *prepared(PGconn *conn, const char *name) {
        for (SqlId id = 0; id < _SQL_MAX; id++)
                if (!strcmp(sql_name(id), name))
                        return &conn->prepared[id];
        fail_msg("no statement has the name '%s'", name);
        return NULL;
}

static int send_message(PGconn *conn, int type, const char *name, const Answer *answer) {
        if (conn->status == CONNECTION_BAD || conn->n == MESSAGES_MAX)
                return 0;
        if (++conn->sent == conn->script.no_send_at) {
                conn->status = CONNECTION_BAD;
                return 0;
        }
        Message *message = &conn->messages[conn->n++];
        message->type = type;
        message->answer = answer;
        (void) snprintf(message->name, sizeof(message->name), "%s", name);
        return 1;
}

/* The server's own mind, then the script's. */
static const char *error_of(PGconn *conn, const Message *message) {
        if (message->type == MESSAGE_EXECUTE && !*prepared(conn, message->name))
                return "26000";
        if (message->type == MESSAGE_PREPARE && *prepared(conn, message->name))
                return "42P05";
        if (message->answer)
                return message->answer->kind == ANSWER_ERROR ? message->answer->sqlstate : NULL;
        return conn->answered + 1 == conn->script.error_at ? conn->script.sqlstate : NULL;
}

/* What the set-up of a session is answered with: database, encoding, role, whether a superuser. */
static PGresult *session_row(void) {
        const Answer answer = row("registry|UTF8|jobd|f");
        PGresult *result = new_result(PGRES_TUPLES_OK, NULL);
        result->rows = play_rows(&answer);
        return result;
}

PGresult *PQgetResult(PGconn *conn) {
        if (conn->simple)
                return --conn->simple ? session_row() : NULL;
        if (conn->status == CONNECTION_BAD || conn->answered == conn->n)
                return NULL;
        if (conn->is_ended) {
                conn->is_ended = 0;
                return NULL;
        }
        if (conn->is_trickling)
                conn->arrived--;
        const Message *message = &conn->messages[conn->answered];
        if (conn->answered + 1 == conn->script.lost_at ||
            (message->answer && message->answer->kind == ANSWER_LOSS)) {
                conn->status = CONNECTION_BAD;
                return new_result(PGRES_FATAL_ERROR, NULL);
        }
        const char *sqlstate = error_of(conn, message);
        conn->answered++;
        if (message->type == MESSAGE_SYNC) {
                conn->is_aborted = 0;
                if (conn->script.batches > 1) {
                        conn->script.batches--;
                        conn->script.error_at = conn->answered + 1;
                }
                return new_result(PGRES_PIPELINE_SYNC, NULL);
        }
        conn->is_ended = 1;
        if (conn->is_aborted)
                return new_result(PGRES_PIPELINE_ABORTED, NULL);
        if (sqlstate) {
                conn->is_aborted = 1;
                return new_result(PGRES_FATAL_ERROR, sqlstate);
        }
        if (message->type == MESSAGE_EXECUTE) {
                PGresult *result = new_result(PGRES_TUPLES_OK, NULL);
                result->rows = message->answer ? play_rows(message->answer) : usual_rows();
                return result;
        }
        *prepared(conn, message->name) = 1;
        return new_result(PGRES_COMMAND_OK, NULL);
}

int PQsendPrepare(PGconn *conn, const char *name, const char *query, int n, const Oid *types) {
        (void) query, (void) n, (void) types;
        return send_message(conn, MESSAGE_PREPARE, name, NULL);
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int n, const char *const *values,
                        const int *lengths, const int *formats, int format) {
        (void) lengths, (void) formats, (void) format;
        return send_message(conn, MESSAGE_EXECUTE, name,
                            conn->script.is_played ? play_statement(name, n, values) : NULL);
}

int PQpipelineSync(PGconn *conn) {
        if (conn->script.is_played)
                play_commit();
        return send_message(conn, MESSAGE_SYNC, "", NULL);
}

int PQisBusy(PGconn *conn) {
        if (conn->status == CONNECTION_BAD || conn->simple)
                return 0;
        const Answer *next =
                conn->answered < conn->n ? conn->messages[conn->answered].answer : NULL;
        return (next && next->kind == ANSWER_SILENCE) ||
               (conn->script.silent_at && conn->answered + 1 >= conn->script.silent_at) ||
               (conn->is_trickling && !conn->arrived && !conn->is_ended);
}

int PQconsumeInput(PGconn *conn) {
        conn->arrived = 1;
        return conn->status == CONNECTION_OK;
}

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand) {
        (void) keywords, (void) values, (void) expand;
        if (server.script.is_played)
                server = (struct pg_conn){
                        .script = {.is_played = 1, .is_refused = !play_connection()}};
        server.status = server.script.is_refused ? CONNECTION_BAD : CONNECTION_OK;
        assert_int_equal(pipe(server.fds), 0);
        assert_int_equal(write(server.fds[1], "x", 1), 1); /* always readable */
        connections++;
        return &server;
}

void PQfinish(PGconn *conn) {
        if (!conn)
                return;
        (void) close(conn->fds[0]);
        (void) close(conn->fds[1]);
        connections--;
}

PGnotify *PQnotifies(PGconn *conn) {
        static PGnotify notify = {.extra = (char *) "queued 2"};
        return conn->n_notifies && conn->n_notifies-- ? &notify : NULL;
}

ConnStatusType PQstatus(const PGconn *conn) {
        return conn ? conn->status : CONNECTION_BAD;
}

PGPing PQpingParams(const char *const *keywords, const char *const *values, int expand_dbname) {
        (void) keywords, (void) values, (void) expand_dbname;
        return PQPING_NO_RESPONSE;
}

int PQconnectionNeedsPassword(const PGconn *conn) {
        (void) conn;
        return 0;
}

int PQconnectionUsedPassword(const PGconn *conn) {
        (void) conn;
        return 0;
}

char *PQerrorMessage(const PGconn *conn) {
        return (char *) (conn->status == CONNECTION_BAD
                                 ? "server closed the connection\nunexpectedly\n"
                                 : "");
}

int PQsendQuery(PGconn *conn, const char *query) {
        (void) query;
        conn->simple = 2;
        return conn->status == CONNECTION_OK;
}

int PQbackendPID(const PGconn *conn) {
        (void) conn;
        return 17; /* as PQgetvalue() */
}

void PQreset(PGconn *conn) {
        (void) conn;
}

ExecStatusType PQresultStatus(const PGresult *result) {
        return result->status;
}

char *PQresultErrorField(const PGresult *result, int field) {
        if (!result->sqlstate)
                return NULL;
        return (char *) (field == PG_DIAG_SQLSTATE ? result->sqlstate : "primary message\nmore");
}

char *PQresultErrorMessage(const PGresult *result) {
        (void) result;
        return (char *) "connection to server was lost\nreally";
}

void PQclear(PGresult *result) {
        live_results -= result != NULL;
        if (result)
                free(result->rows.text);
        free(result);
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver receiver, void *arg) {
        (void) conn, (void) arg;
        return receiver;
}

int PQsetnonblocking(PGconn *conn, int is_nonblocking) {
        (void) conn, (void) is_nonblocking;
        return 0;
}

int PQenterPipelineMode(PGconn *conn) {
        return conn->status == CONNECTION_OK;
}

int PQflush(PGconn *conn) {
        return conn->status == CONNECTION_OK ? 0 : -1;
}

int PQsocket(const PGconn *conn) {
        return conn->fds[0];
}

void PQfreemem(void *memory) {
        (void) memory;
}

int PQntuples(const PGresult *result) {
        return result->rows.n;
}

char *PQcmdTuples(PGresult *result) {
        return (char *) result->rows.changed;
}

int PQgetisnull(const PGresult *result, int row, int column) {
        return row < 0 || row >= result->rows.n || column < 0 || column >= PLAYED_COLUMNS ||
               !result->rows.values[row][column];
}

char *PQgetvalue(const PGresult *result, int row, int column) {
        return (char *) (PQgetisnull(result, row, column) ? "" : result->rows.values[row][column]);
}

/* For crash points only, which no test here wants. */
int PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
                      const char *const *values, const int *lengths, const int *formats,
                      int result_format) {
        (void) conn, (void) sql, (void) n, (void) types, (void) values, (void) lengths;
        (void) formats, (void) result_format;
        return 0;
}

int PQsendFlushRequest(PGconn *conn) {
        (void) conn;
        return 0;
}
