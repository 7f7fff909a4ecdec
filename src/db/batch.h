/*
 * Statements that go to the server together: one round trip, one transaction. The same batch is run
 * by a blocking connection (db.h) and by the supervisor's (async.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "db/sql_list.h"

/* Every src/db/sql/NAME.sql is SQL_NAME. */
typedef enum SqlId {
#define X(name, prepared_name, text) SQL_##name,
        SQL_LIST(X)
#undef X
                _SQL_MAX,
} SqlId;

const char *sql_name(SqlId id);
const char *sql_text(SqlId id);

#define BATCH_MAX_STATEMENTS 8
#define BATCH_MAX_PARAMS 16

typedef struct BatchStatement {
        SqlId id;
        int n;
        char *values[BATCH_MAX_PARAMS];
} BatchStatement;

/* All zero is an empty batch. */
typedef struct Batch {
        size_t n;
        int error; /* the first failure to build it, told when it is run */
        BatchStatement statements[BATCH_MAX_STATEMENTS];
} Batch;

/* Begins a statement; the parameters follow in order. Values are copied. */
void batch_add(Batch *batch, SqlId id);
void batch_int(Batch *batch, int64_t value);
void batch_text(Batch *batch, const char *value); /* NULL is SQL NULL */
void batch_bool(Batch *batch, int value);
void batch_null(Batch *batch);
void batch_int_array(Batch *batch, const int32_t *values, size_t n);

void batch_done(Batch *batch);
