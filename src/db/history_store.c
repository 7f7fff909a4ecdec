/*
 * The records of a list travel as one JSON text, because a batch has few parameters and a job many
 * records.
 */
#include "db/history_store.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/json_text.h"
#include "registry-job/plugin.h"
#include "util/error.h"

static const char *status_code(uint32_t status) {
        switch (status) {
        case RJ_RECORD_OK:
                return "OK";
        case RJ_RECORD_FAILED:
                return "X";
        case RJ_RECORD_CANCELED:
                return "CX";
        default:
                return "NT";
        }
}

static json_t *text_or_null(const char *text) {
        return *text ? json_string(text) : json_null();
}

static json_t *int_or_null(int32_t value) {
        return value ? json_integer(value) : json_null();
}

static json_t *to_json(const HistoryRecord *r) {
        return json_pack("{so si so so so so ss}", "id", int_or_null(r->id), "job_id",
                         (int) r->job_id, "person_id", int_or_null(r->person_id),
                         "external_identity_id", int_or_null(r->external_identity_id), "record_key",
                         text_or_null(r->key), "comment", text_or_null(r->comment), "status",
                         status_code(r->status));
}

int history_list_append(HistoryList *list, const HistoryRecord *record) {
        if (!list->json)
                list->json = json_array();
        if (!list->json || json_array_append_new(list->json, to_json(record)) < 0)
                return error_origin(-ENOMEM);
        list->n++;
        return 0;
}

void history_list_done(HistoryList *list) {
        json_decref(list->json);
        *list = (HistoryList){0};
}

void history_add_add(Batch *batch, HistoryList *list) {
        char *text = list->json ? json_text(list->json, JSON_COMPACT) : NULL;

        batch_add(batch, SQL_HISTORY_ADD);
        batch_text(batch, text);
        if (!text && !batch->error)
                batch->error = error_origin(-ENOMEM);
        free(text);
        history_list_done(list);
}

void history_reserve_add(Batch *batch, size_t n) {
        batch_add(batch, SQL_HISTORY_RESERVE);
        batch_int(batch, (int64_t) n);
}
