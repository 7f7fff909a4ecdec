/* Writes to public.job_history_records. */
#pragma once

#include "core/history.h"
#include "db/db.h"

/* A list of records for one statement. All zero is the empty list. */
typedef struct HistoryList {
        void *json;
        size_t n;
} HistoryList;

/* Adds a record, whose texts must be valid UTF-8. Returns 0 or -ENOMEM. */
int history_list_append(HistoryList *list, const HistoryRecord *record);
void history_list_done(HistoryList *list);

/* Writes the records with one statement, each at most once (history_add.sql). Empties the list. */
void history_add_add(Batch *batch, HistoryList *list);

/* Reserves ids for `n` records; the result has a row with one id for each. */
void history_reserve_add(Batch *batch, size_t n);
