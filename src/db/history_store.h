/* public.job_history_records. */
#pragma once

#include "core/history.h"
#include "db/db.h"

/* Records on their way into one statement. All zero is empty. */
typedef struct HistoryList {
        void *json;
        size_t n;
} HistoryList;

/* Returns 0 or -ENOMEM. The texts are valid UTF-8. */
int history_list_append(HistoryList *list, const HistoryRecord *record);
void history_list_done(HistoryList *list);

/* Adds the records in one statement, each at most once; see history_add.sql. Empties the list. */
void history_add_add(Batch *batch, HistoryList *list);

/* Reserves `n` ids for records to come: rows of one id each. */
void history_reserve_add(Batch *batch, size_t n);
