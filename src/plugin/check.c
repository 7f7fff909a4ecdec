#include "plugin/check.h"

#include "db/pg.h"

/* Adds what the database says of the ids of one parameter. */
static int check_ids(Db *db, int32_t co_id, const Params *params, int index, const char *table,
                     const struct rj_param_desc *param, CheckResult *result) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        const int32_t *ids;
        size_t n = params_ids(params, index, &ids);

        batch_add(&batch, SQL_JOB_FOREIGN_IDS);
        batch_text(&batch, table);
        batch_int(&batch, co_id);
        batch_int_array(&batch, ids, n);
        int r = db_run_retry(db, &batch, &reply);
        if (r == DB_E_SCHEMA) { /* the table is not there, and the message names it */
                problems_add(&result->problems, "parameter '%s': %s", param->name,
                             reply.error.message);
                return 0;
        }
        if (r)
                result->error = reply.error;
        for (int row = 0; !r && row < db_rows(&reply, 0); row++)
                problems_add(&result->problems, "parameter '%s': %s %s is not in this CO",
                             param->name, table,
                             param->flags & RJ_PARAM_SECRET ? "(secret)"
                                                            : db_text(reply.results[0], row, 0));
        return r;
}

int check_parameters(Db *db, int32_t co_id, const char *json, const struct rj_model *model,
                     CheckResult *result) {
        _cleanup_(params_freep) Params *params = NULL;
        char table[64];

        int r = params_new(json, model, &params, &result->problems);
        if (r == PARAMS_E_INVALID)
                return 0;
        for (int i = 0; !r && (i = params_foreign(params, i, table, sizeof(table))) >= 0; i++)
                r = check_ids(db, co_id, params, i, table, &model->params[i], result);
        if (!r && !result->problems.count)
                result->params = TAKE_PTR(params);
        return r;
}
