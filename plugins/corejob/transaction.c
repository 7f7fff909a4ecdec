#include "transaction.h"

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

int transaction_fail(Transaction *transaction, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(transaction->problem, sizeof(transaction->problem), format, ap);
        va_end(ap);
        return RJ_FAILED;
}

/* One line, without the two characters that the Registry takes in no summary. */
static void note(Transaction *transaction, const char *about, const char *message) {
        (void) transaction_fail(transaction, "%s%.*s", about, (int) strcspn(message, "\n"),
                                message);
        for (char *c = transaction->problem; (c = strpbrk(c, "<>")); c++)
                *c = *c == '<' ? '(' : ')';
}

/* Codes of class 08 are about the connection; with 57P the server ends it. */
static int classify(const Transaction *transaction, const char *sqlstate) {
        if (PQstatus(transaction->conn) != CONNECTION_OK || !strncmp(sqlstate, "08", 2) ||
            !strncmp(sqlstate, "57P", 3))
                return RJ_E_LOST;
        if (!strcmp(sqlstate, "40001") || !strcmp(sqlstate, "40P01"))
                return TRANSACTION_E_RETRY;
        return RJ_FAILED;
}

static int fail(Transaction *transaction, const PGresult *result) {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

        int r = classify(transaction, sqlstate ? sqlstate : "");
        note(transaction, r == RJ_E_LOST ? "" : "database error: ", /* of a loss the host speaks */
             message ? message : PQerrorMessage(transaction->conn));
        return r;
}

/* Like PQexecParams(), but owns the result when it is an error. */
static int execute(Transaction *transaction, Statement statement, const char *const texts[],
                   size_t n, int has_list, PGresult **ret) {
        Oid types[VALUES_MAX];

        for (size_t i = 0; i < n; i++)
                types[i] = has_list && i == n - 1 ? INT4_ARRAY_OID : INT4_OID;
        PGresult *result = PQexecParams(transaction->conn, statements[statement], (int) n, types,
                                        texts, NULL, NULL, 0);
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
                *ret = result;
                return 0;
        }
        int r = fail(transaction, result);
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

int transaction_run(Transaction *transaction, Statement statement, const int32_t values[], size_t n,
                    PGresult **ret) {
        char room[VALUES_MAX][VALUE_SIZE];
        const char *texts[VALUES_MAX];

        write_values(room, values, n, texts);
        return execute(transaction, statement, texts, n, 0, ret);
}

int transaction_run_list(Transaction *transaction, Statement statement, const int32_t values[],
                         size_t n, const int32_t list[], size_t n_list, PGresult **ret) {
        char room[VALUES_MAX][VALUE_SIZE], array[TRANSACTION_LIST_MAX * VALUE_SIZE + sizeof("{}")];
        const char *texts[VALUES_MAX];
        size_t used = 0;

        for (size_t i = 0; i < n_list; i++)
                used += (size_t) snprintf(array + used, sizeof(array) - used, "%c%d", i ? ',' : '{',
                                          list[i]);
        (void) snprintf(array + used, sizeof(array) - used, "}");
        write_values(room, values, n, texts);
        texts[n] = array;
        return execute(transaction, statement, texts, n + 1, 1, ret);
}

int transaction_do(Transaction *transaction, Statement statement, const int32_t values[],
                   size_t n) {
        PGresult *result;

        int r = transaction_run(transaction, statement, values, n, &result);
        if (!r)
                PQclear(result);
        return r;
}

int32_t result_int(const PGresult *result, int row, int column) {
        return (int32_t) strtol(PQgetvalue(result, row, column), NULL, 10);
}
