#include "test-exchange-libpq.h"

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

struct pg_result {
        ExecStatusType status;
        const char *sqlstate;
};

struct pg_conn server;
int live_results, connections;

static PGresult *new_result(ExecStatusType status, const char *sqlstate) {
        PGresult *result = malloc(sizeof(*result));
        *result = (PGresult){.status = status, .sqlstate = sqlstate};
        live_results++;
        return result;
}

static int is_prepared(const PGconn *conn, const char *name) {
        for (int i = 0; i < conn->n_prepared; i++)
                if (!strcmp(conn->prepared[i], name))
                        return 1;
        return 0;
}

static int send_message(PGconn *conn, int type, const char *name) {
        if (conn->status == CONNECTION_BAD || conn->n == MESSAGES_MAX)
                return 0;
        if (++conn->sent == conn->script.no_send_at) {
                conn->status = CONNECTION_BAD;
                return 0;
        }
        Message *message = &conn->messages[conn->n++];
        message->type = type;
        (void) snprintf(message->name, sizeof(message->name), "%s", name);
        return 1;
}

/* The server's own mind, then the script's. */
static const char *error_of(PGconn *conn, const Message *message) {
        if (message->type == MESSAGE_EXECUTE && !is_prepared(conn, message->name))
                return "26000";
        if (message->type == MESSAGE_PREPARE && is_prepared(conn, message->name))
                return "42P05";
        return conn->answered + 1 == conn->script.error_at ? conn->script.sqlstate : NULL;
}

PGresult *PQgetResult(PGconn *conn) {
        if (conn->simple)
                return --conn->simple ? new_result(PGRES_COMMAND_OK, NULL) : NULL;
        if (conn->status == CONNECTION_BAD || conn->answered == conn->n)
                return NULL;
        if (conn->is_ended) {
                conn->is_ended = 0;
                return NULL;
        }
        if (conn->is_trickling)
                conn->arrived--;
        const Message *message = &conn->messages[conn->answered];
        if (conn->answered + 1 == conn->script.lost_at) {
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
        if (message->type == MESSAGE_EXECUTE)
                return new_result(PGRES_TUPLES_OK, NULL);
        strcpy(conn->prepared[conn->n_prepared++], message->name);
        return new_result(PGRES_COMMAND_OK, NULL);
}

int PQsendPrepare(PGconn *conn, const char *name, const char *query, int n, const Oid *types) {
        (void) query, (void) n, (void) types;
        return send_message(conn, MESSAGE_PREPARE, name);
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int n, const char *const *values,
                        const int *lengths, const int *formats, int format) {
        (void) n, (void) values, (void) lengths, (void) formats, (void) format;
        return send_message(conn, MESSAGE_EXECUTE, name);
}

int PQpipelineSync(PGconn *conn) {
        return send_message(conn, MESSAGE_SYNC, "");
}

int PQisBusy(PGconn *conn) {
        if (conn->status == CONNECTION_BAD || conn->simple)
                return 0;
        return (conn->script.silent_at && conn->answered + 1 >= conn->script.silent_at) ||
               (conn->is_trickling && !conn->arrived && !conn->is_ended);
}

int PQconsumeInput(PGconn *conn) {
        conn->arrived = 1;
        return conn->status == CONNECTION_OK;
}

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand) {
        (void) keywords, (void) values, (void) expand;
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
        return result->status == PGRES_TUPLES_OK ? 2 : 0;
}

char *PQcmdTuples(PGresult *result) {
        return (char *) (result->status == PGRES_TUPLES_OK ? "3" : "");
}

int PQgetisnull(const PGresult *result, int row, int column) {
        (void) result;
        return row != 0 || column > 3;
}

char *PQgetvalue(const PGresult *result, int row, int column) {
        static const char *const values[] = {"17", "t", "f", "word"};
        (void) result, (void) row;
        return (char *) values[column];
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
