/*
 * A batch copies the values that it is given. A failure (no memory, too many statements) is kept in
 * the batch, so that callers check for it once: when the batch is run.
 */
#include "db/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

static const struct {
        const char *name;
        const char *text;
} sql[_SQL_MAX] = {
#define X(id, prepared_name, sql_text) [SQL_##id] = {prepared_name, sql_text},
        SQL_LIST(X)
#undef X
};

const char *sql_name(SqlId id) {
        return sql[id].name;
}

const char *sql_text(SqlId id) {
        return sql[id].text;
}

static void note_failure(Batch *batch, int error) {
        if (!batch->error)
                batch->error = error_origin(error);
}

void batch_add(Batch *batch, SqlId id) {
        if (batch->n == BATCH_MAX_STATEMENTS) {
                note_failure(batch, -E2BIG);
                return;
        }
        batch->statements[batch->n++] = (BatchStatement){.id = id};
}

/* Owns `value` from here on. NULL without `is_null` is an allocation that failed. */
static void add_value(Batch *batch, char *value, int is_null) {
        if (!batch->n || batch->statements[batch->n - 1].n == BATCH_MAX_PARAMS) {
                free(value);
                note_failure(batch, -E2BIG);
                return;
        }
        if (!value && !is_null)
                note_failure(batch, -ENOMEM);
        BatchStatement *statement = &batch->statements[batch->n - 1];
        statement->values[statement->n++] = value;
}

void batch_int(Batch *batch, int64_t value) {
        add_value(batch, text_format("%lld", (long long) value), 0);
}

void batch_text(Batch *batch, const char *value) {
        add_value(batch, value ? strdup(value) : NULL, !value);
}

void batch_words(Batch *batch, const char *value, size_t max_chars) {
        size_t length = value ? strlen(value) : 0;
        size_t size = MIN_OF(length * 3, max_chars * 4) + 1; /* U+FFFD has three bytes */
        char *text = value ? malloc(size) : NULL;

        if (text)
                (void) text_copy_utf8(text, size, max_chars, value);
        add_value(batch, text, !value);
}

void batch_bool(Batch *batch, int value) {
        batch_text(batch, value ? "t" : "f");
}

void batch_null(Batch *batch) {
        add_value(batch, NULL, 1);
}

void batch_int_array(Batch *batch, const int32_t *values, size_t n) {
        size_t size = n * 12 + 3, used = 1;
        char *text = malloc(size);

        if (text) {
                text[0] = '{';
                for (size_t i = 0; i < n; i++)
                        used += (size_t) snprintf(text + used, size - used, "%s%d", i ? "," : "",
                                                  (int) values[i]);
                (void) snprintf(text + used, size - used, "}");
        }
        add_value(batch, text, 0);
}

void batch_done(Batch *batch) {
        for (size_t i = 0; i < batch->n; i++)
                for (int k = 0; k < batch->statements[i].n; k++)
                        free(batch->statements[i].values[k]);
        *batch = (Batch){0};
}
