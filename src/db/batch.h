/*
 * Statements that go to the server together: one round trip, one transaction. A blocking connection
 * (db.h) and the supervisor's connection (async.h) run the same batches.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "db/sql_list.h"

/* SQL_NAME is the statement in src/db/sql/NAME.sql. */
typedef enum SqlId {
#define X(name, prepared_name, text) SQL_##name,
        SQL_LIST(X)
#undef X
                _SQL_MAX,
} SqlId;

const char *sql_name(SqlId id);
const char *sql_text(SqlId id);

#define BATCH_MAX_STATEMENTS 8
#define BATCH_MAX_PARAMS 20

typedef struct BatchStatement {
        SqlId id;
        int n;
        char *values[BATCH_MAX_PARAMS];
} BatchStatement;

/* All zero is an empty batch. */
typedef struct Batch {
        size_t n;
        int error; /* the first failure while the batch was built; running the batch returns it */
        BatchStatement statements[BATCH_MAX_STATEMENTS];
} Batch;

/* Begins a statement. Its parameters follow in their order; values are copied. */
void batch_add(Batch *batch, SqlId id);
void batch_int(Batch *batch, int64_t value);
void batch_text(Batch *batch, const char *value); /* NULL is SQL NULL */

/*
 * A text for people, for a column of `max_chars` characters. The text is cut between two characters
 * and made valid UTF-8, so that the server never refuses the statement because of it. Names and ids
 * are never cut: use batch_text() for them.
 */
void batch_words(Batch *batch, const char *value, size_t max_chars);
void batch_bool(Batch *batch, int value);
void batch_null(Batch *batch);
void batch_int_array(Batch *batch, const int32_t *values, size_t n);

/* Frees the values; the batch is empty then. */
void batch_done(Batch *batch);
