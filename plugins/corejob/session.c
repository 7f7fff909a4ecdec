#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INT4_OID 23
#define INT4_ARRAY_OID 1007
#define VALUES_MAX 4
#define VALUE_SIZE sizeof("-2147483648")

#define TEXT(name, file, text) [STATEMENT_##name] = (text),
static const char *const statements[_STATEMENT_MAX] = {NESTER_SQL_LIST(TEXT)};
#undef TEXT

int session_fail(Session *session, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(session->problem, sizeof(session->problem), format, ap);
        va_end(ap);
        return RJ_FAILED;
}

/* One line, without the two characters that the Registry takes in no summary. */
static void note(Session *session, const char *about, const char *message) {
        (void) session_fail(session, "%s%.*s", about, (int) strcspn(message, "\n"), message);
        for (char *c = session->problem; (c = strpbrk(c, "<>")); c++)
                *c = *c == '<' ? '(' : ')';
}

/* Codes of class 08 are about the connection; with 57P the server ends it. */
static int classify(const Session *session, const char *sqlstate) {
        if (PQstatus(session->conn) != CONNECTION_OK || !strncmp(sqlstate, "08", 2) ||
            !strncmp(sqlstate, "57P", 3))
                return RJ_E_LOST;
        if (!strcmp(sqlstate, "40001") || !strcmp(sqlstate, "40P01"))
                return SESSION_E_RETRY;
        return RJ_FAILED;
}

static int fail(Session *session, const PGresult *result) {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

        int r = classify(session, sqlstate ? sqlstate : "");
        note(session, r == RJ_E_LOST ? "" : "database error: ", /* of a loss the host speaks */
             message ? message : PQerrorMessage(session->conn));
        return r;
}

/* Like PQexecParams(), but owns the result when it is an error. */
static int execute(Session *session, Statement statement, const char *const texts[], size_t n,
                   int has_list, PGresult **ret) {
        Oid types[VALUES_MAX];

        for (size_t i = 0; i < n; i++)
                types[i] = has_list && i == n - 1 ? INT4_ARRAY_OID : INT4_OID;
        PGresult *result = PQexecParams(session->conn, statements[statement], (int) n, types, texts,
                                        NULL, NULL, 0);
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
                *ret = result;
                return 0;
        }
        int r = fail(session, result);
        PQclear(result);
        return r;
}

static void write_values(char (*room)[VALUE_SIZE], const int32_t values[], size_t n,
                         const char *texts[]) {
        for (size_t i = 0; i < n; i++) {
                (void) snprintf(room[i], VALUE_SIZE, "%d", values[i]);
                texts[i] = room[i];
        }
}

int session_run(Session *session, Statement statement, const int32_t values[], size_t n,
                PGresult **ret) {
        char room[VALUES_MAX][VALUE_SIZE];
        const char *texts[VALUES_MAX];

        write_values(room, values, n, texts);
        return execute(session, statement, texts, n, 0, ret);
}

int session_run_list(Session *session, Statement statement, const int32_t values[], size_t n,
                     const int32_t list[], size_t n_list, PGresult **ret) {
        char room[VALUES_MAX][VALUE_SIZE], array[SESSION_LIST_MAX * VALUE_SIZE + sizeof("{}")];
        const char *texts[VALUES_MAX];
        size_t used = 0;

        for (size_t i = 0; i < n_list; i++)
                used += (size_t) snprintf(array + used, sizeof(array) - used, "%c%d", i ? ',' : '{',
                                          list[i]);
        (void) snprintf(array + used, sizeof(array) - used, "}");
        write_values(room, values, n, texts);
        texts[n] = array;
        return execute(session, statement, texts, n + 1, 1, ret);
}

int session_do(Session *session, Statement statement, const int32_t values[], size_t n) {
        PGresult *result;

        int r = session_run(session, statement, values, n, &result);
        if (!r)
                PQclear(result);
        return r;
}

int32_t result_int(const PGresult *result, int row, int column) {
        return (int32_t) strtol(PQgetvalue(result, row, column), NULL, 10);
}
