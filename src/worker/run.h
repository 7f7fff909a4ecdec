/*
 * One job from Assigned to the words for its finish: model and parameters are checked, the row says
 * In Progress, the plugin runs. Finishing it is the caller's, together with what comes next.
 */
#pragma once

#include "plugin/host.h"

/* What a worker has in hand, whichever job it runs. */
typedef struct Runner {
        const Catalog *catalog;
        const DbSettings *settings;
        Db *db; /* NULL while there is no connection */
        StatusPage *page;
        Recorder recorder;
        Holder holder;
        DbError error; /* of the batch that failed last */
} Runner;

typedef struct RunResult {
        int is_settled; /* somebody else ended the job before the plugin was called */
        JobEvent event; /* REJECT, FINISH_OK, FINISH_FAILED */
        JobState status;
        char summary[SUMMARY_SIZE];
} RunResult;

/* Returns 0 with `ret` filled in, or DB_E_* or -errno where the job could not be started. */
int run_job(Runner *runner, const Job *job, RunResult *ret);

/* Opens a connection if there is none; 0, DB_E_* or -errno, with runner->error. */
int runner_connect(Runner *runner);

/* db_run_retry() on its connection, keeping the error. */
int runner_run(Runner *runner, Batch *batch, DbReply *reply);
