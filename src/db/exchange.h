/*
 * One batch on its way to the server and back, without waiting: what db.h and async.h have in
 * common. Statements are prepared the first time that a connection meets them, in the same round
 * trip.
 */
#pragma once

#include <libpq-fe.h>

#include "db/batch.h"
#include "db/sqlstate.h"

/* Why a batch failed; empty when it did not. */
typedef struct DbError {
        int class;         /* DB_E_*, or negative */
        char sqlstate[6];  /* "" when the connection is gone */
        const char *where; /* name of the statement, or NULL */
        char message[512]; /* the server's primary message, one line */
        int is_refused;    /* of a connection: the server is there, and does not take it */
} DbError;

/* The results of one batch, in the order of its statements. All zero is empty. */
typedef struct DbReply {
        size_t n;
        PGresult *results[BATCH_MAX_STATEMENTS];
        DbError error;
} DbReply;

/* A connection in pipeline mode, and what was prepared on it. */
typedef struct DbLink {
        PGconn *conn;
        unsigned char prepared[_SQL_MAX];
} DbLink;

/* Where the reading of a reply stands. All zero is the beginning. */
typedef struct Exchange {
        size_t sent;       /* statements of the batch */
        size_t at;         /* the one whose result comes next */
        int is_preparing;  /* its preparation comes first */
        unsigned prepares; /* bit i: statement i was sent with its preparation */
} Exchange;

void db_reply_done(DbReply *reply);

/* Sends a whole batch; returns 0 or DB_E_UNAVAILABLE or -errno. */
int exchange_send(Exchange *exchange, DbLink *link, const Batch *batch, DbReply *reply);

/*
 * Takes what has arrived. Returns 1 when the reply is complete, 0 when more is to come, or
 * negative/DB_E_* in reply->error.class with 1 returned: a failed batch is complete as well.
 */
int exchange_feed(Exchange *exchange, DbLink *link, const Batch *batch, DbReply *reply);

/* Notes that the connection is gone. */
void exchange_lost(const DbLink *link, DbReply *reply);

/* Rows of result `i`; 0 when it is not there. */
int db_rows(const DbReply *reply, size_t i);

/* Rows that statement `i` changed. */
int64_t db_affected(const DbReply *reply, size_t i);

/* Values; NULL, 0 for SQL NULL and for anything that is not of that form. */
const char *db_text(const PGresult *result, int row, int column);
int64_t db_int(const PGresult *result, int row, int column);
int db_bool(const PGresult *result, int row, int column);
