/*
 * Parameters against their model and against the database: the same when a job is registered, and
 * again before it runs.
 */
#pragma once

#include "core/params.h"
#include "db/db.h"

typedef struct CheckResult {
        Params *params; /* the caller's; NULL when there are problems or an error */
        Problems problems;
        DbError error;
} CheckResult;

/* Returns 0, DB_E_* or -errno; whether the parameters are right is told by result->params. */
int check_parameters(Db *db, int32_t co_id, const char *json, const struct rj_model *model,
                     CheckResult *result);
