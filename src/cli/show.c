/* Verbs that print what the database has: show, history, queue, status. */
#include <stdio.h>
#include <string.h>

#include "cli/co.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/rate.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/when.h"
#include "db/json_row.h"
#include "db/lane_store.h"
#include "util/parse.h"
#include "util/text.h"

#define HISTORY_LIMIT 100000

static void add_id(Batch *batch, int64_t id) {
        if (id)
                batch_int(batch, id);
        else
                batch_null(batch);
}

/* Runs one statement, and prints its rows. */
static int show_rows(Cli *cli, Batch *batch, const Column *columns, size_t n) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int code = cli_connect(cli);
        if (!code)
                code = cli_run(cli, batch, &reply);
        if (code)
                return code;
        if (cli->options->is_json)
                return output_json(reply.results[0], 0);
        table_print(reply.results[0], columns, n);
        return CLI_OK;
}

static int show_json(const PGresult *job) {
        json_t *object = json_row(job, 0, PQnfields(job));

        rate_add_json(job, 0, object);
        return output_value_json(object);
}

static void print_rate(const PGresult *job) {
        char rate[PROGRESS_RATE_SIZE], left[WHEN_SIZE];
        Progress progress;

        if (!rate_read(job, 0, &progress))
                return;
        progress_rate(&progress, rate);
        when_span(progress.seconds_left, left);
        table_print_line("rate", rate);
        table_print_line("time_left", left);
}

int verb_show(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int32_t id;

        int code = cli_find(cli, &id, &reply);
        if (code)
                return code;
        code = models_hide_in(cli, reply.results[0]);
        if (code)
                return code;
        if (cli->options->is_json)
                return show_json(reply.results[0]);
        table_print_record(reply.results[0], 0);
        print_rate(reply.results[0]);
        return CLI_OK;
}

int verb_history(Cli *cli) {
        static const Column columns[] = {{"ID", "id"},
                                         {"TIME", "created"},
                                         {"STATUS", "status"},
                                         {"PERSON", "person_id"},
                                         {"EXTERNAL", "external_identity_id"},
                                         {"KEY", "record_key"},
                                         {"COMMENT", "comment"}};
        _cleanup_(db_reply_donep) DbReply job = {0};
        _cleanup_(batch_donep) Batch batch = {0};
        int32_t id;

        int code = cli_find(cli, &id, &job);
        if (code)
                return code;
        batch_add(&batch, SQL_HISTORY_LIST);
        batch_int(&batch, id);
        batch_int(&batch, 0);
        batch_int(&batch, HISTORY_LIMIT);
        return show_rows(cli, &batch, columns, ARRAY_SIZE(columns));
}

int verb_queue(Cli *cli) {
        static const Column columns[] = {{"CO", "co_id"},
                                         {"NAME", "co"},
                                         {"WAITING", "waiting"},
                                         {"DUE", "due"},
                                         {"RUNNING", "running"},
                                         {"NEXT", "head"},
                                         {"OLDEST", "oldest"},
                                         {"HOST", "host"},
                                         {"PID", "worker_pid"},
                                         {"SINCE", "since"},
                                         {"MISSING MODEL", "missing_model"},
                                         {"HELD BY", "held_by"}};
        _cleanup_(batch_donep) Batch batch = {0};
        int32_t co;

        int code = co_read(cli, &co);
        if (code)
                return code;
        batch_add(&batch, SQL_QUEUE_SHOW);
        add_id(&batch, co);
        return show_rows(cli, &batch, columns, ARRAY_SIZE(columns));
}
