/* The job's own database connection: statements by name, and what their failures mean to the job.
 */
#pragma once

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "nester_sql_list.h"
#include "registry-job/plugin.h"
#include "util/macro.h"

#define TRANSACTION_E_RETRY 100 /* this transaction failed, the same again may not */
#define TRANSACTION_LIST_MAX 100

#define STATEMENT(name, file, text) STATEMENT_##name,
typedef enum Statement { NESTER_SQL_LIST(STATEMENT) _STATEMENT_MAX } Statement;
#undef STATEMENT

typedef struct Transaction {
        PGconn *conn;      /* the host's */
        char problem[512]; /* what went wrong, in words for the job's summary */
} Transaction;

/*
 * Runs a statement with `n` integers. Returns 0, TRANSACTION_E_RETRY, RJ_E_LOST or RJ_FAILED, the
 * last three with transaction->problem set.
 */
int transaction_run(Transaction *transaction, Statement statement, const int32_t values[], size_t n,
                    PGresult **ret);

/* As transaction_run(), with 1 to TRANSACTION_LIST_MAX integers more as the last parameter, an
 * array. */
int transaction_run_list(Transaction *transaction, Statement statement, const int32_t values[],
                         size_t n, const int32_t list[], size_t n_list, PGresult **ret);

/* As transaction_run(), for a statement whose result nobody looks at. */
int transaction_do(Transaction *transaction, Statement statement, const int32_t values[], size_t n);

/* transaction->problem in these words. Returns RJ_FAILED. */
int transaction_fail(Transaction *transaction, const char *format, ...) _printf_(2, 3);

int32_t result_int(const PGresult *result, int row, int column);

static inline void result_clearp(PGresult **result) {
        PQclear(*result);
}
