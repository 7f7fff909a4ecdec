/* The job's own database connection: statements by name, and what their failures mean to the job.
 */
#pragma once

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#include "nester_sql_list.h"
#include "registry-job/plugin.h"
#include "util/macro.h"

#define SESSION_E_RETRY 100 /* this transaction failed, the same again may not */
#define SESSION_LIST_MAX 100

#define STATEMENT(name, file, text) STATEMENT_##name,
typedef enum Statement { NESTER_SQL_LIST(STATEMENT) _STATEMENT_MAX } Statement;
#undef STATEMENT

typedef struct Session {
        PGconn *conn;      /* the host's */
        char problem[512]; /* what went wrong, in words for the job's summary */
} Session;

/*
 * Runs a statement with `n` integers. Returns 0, SESSION_E_RETRY, RJ_E_LOST or RJ_FAILED, the last
 * three with session->problem set.
 */
int session_run(Session *session, Statement statement, const int32_t values[], size_t n,
                PGresult **ret);

/* As session_run(), with 1 to SESSION_LIST_MAX integers more as the last parameter, an array. */
int session_run_list(Session *session, Statement statement, const int32_t values[], size_t n,
                     const int32_t list[], size_t n_list, PGresult **ret);

/* As session_run(), for a statement whose result nobody looks at. */
int session_do(Session *session, Statement statement, const int32_t values[], size_t n);

/* session->problem in these words. Returns RJ_FAILED. */
int session_fail(Session *session, const char *format, ...) _printf_(2, 3);

int32_t result_int(const PGresult *result, int row, int column);

static inline void result_clearp(PGresult **result) {
        PQclear(*result);
}
