/* Verbs that only look: list, show, history, queue, status. */
#include <stdio.h>
#include <string.h>

#include "cli/models.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "core/when.h"
#include "util/parse.h"
#include "util/text.h"

#define HISTORY_LIMIT 100000

/* -c as an id, or 0 for "all" or none. */
static int co_of(const Cli *cli, int32_t *ret) {
        const char *co = cli->options->co;
        *ret = 0;
        if (!co || !strcmp(co, "all") || !parse_int32(co, 1, INT32_MAX, ret))
                return CLI_OK;
        cli_say("-c must be the id of a CO, or 'all', not '%s'", co);
        return CLI_USAGE;
}

static void add_id(Batch *batch, int64_t id) {
        if (id)
                batch_int(batch, id);
        else
                batch_null(batch);
}

/* "failed,CX" as an array of codes. */
static int add_statuses(const Cli *cli, Batch *batch) {
        char array[64] = "{", names[256];

        if (!cli->options->status) {
                batch_null(batch);
                return CLI_OK;
        }
        (void) snprintf(names, sizeof(names), "%s", cli->options->status);
        for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
                JobState state = job_state_parse(name);
                if (!state) {
                        cli_say("'%s' is not a status; see registry-job --help", name);
                        return CLI_USAGE;
                }
                (void) text_append(array, sizeof(array), "%s%s", array[1] ? "," : "",
                                   job_state_code(state));
        }
        (void) text_append(array, sizeof(array), "}");
        batch_text(batch, array);
        return CLI_OK;
}

/* Runs one statement and shows its rows. */
static int show_rows(Cli *cli, Batch *batch, const Column *columns, size_t n) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int code = cli_connect(cli);
        if (!code)
                code = cli_run(cli, batch, &reply);
        if (code)
                return code;
        if (cli->options->is_json)
                output_json(reply.results[0], 0);
        else
                output_table(reply.results[0], columns, n);
        return CLI_OK;
}

int verb_list(Cli *cli) {
        static const Column columns[] = {{"ID", "id"},
                                         {"CO", "co_id"},
                                         {"PLUGIN", "plugin"},
                                         {"STATUS", "status"},
                                         {"%", "percent_complete"},
                                         {"START AFTER", "start_after_time"},
                                         {"FINISHED", "finish_time"},
                                         {"SUMMARY", "summary"}};
        _cleanup_(batch_donep) Batch batch = {0};
        int32_t co;

        int code = co_of(cli, &co);
        if (code)
                return code;
        batch_add(&batch, SQL_JOB_LIST);
        add_id(&batch, co);
        code = add_statuses(cli, &batch);
        if (code)
                return code;
        batch_text(&batch, cli->options->plugin);
        add_id(&batch, cli->options->before);
        batch_int(&batch, cli->options->limit);
        return show_rows(cli, &batch, columns, ARRAY_SIZE(columns));
}

/* Values of secret parameters are in the database, but on no screen. */
static void hide_secrets(const Cli *cli, PGresult *job) {
        _cleanup_(freep) char *masked = models_mask(cli, output_value(job, 0, "plugin"),
                                                    output_value(job, 0, "parameters"));
        if (masked)
                (void) PQsetvalue(job, 0, PQfnumber(job, "parameters"), masked,
                                  (int) strlen(masked));
}

int verb_show(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int32_t id;

        int code = cli_find(cli, &id, &reply);
        if (code)
                return code;
        hide_secrets(cli, reply.results[0]);
        if (cli->options->is_json)
                output_json(reply.results[0], 1);
        else
                output_record(reply.results[0], 0);
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
        static const Column columns[] = {
                {"CO", "co_id"},        {"NAME", "co"},    {"WAITING", "waiting"}, {"DUE", "due"},
                {"RUNNING", "running"}, {"NEXT", "head"},  {"OLDEST", "oldest"},   {"HOST", "host"},
                {"PID", "worker_pid"},  {"SINCE", "since"}};
        _cleanup_(batch_donep) Batch batch = {0};
        int32_t co;

        int code = co_of(cli, &co);
        if (code)
                return code;
        batch_add(&batch, SQL_QUEUE_SHOW);
        add_id(&batch, co);
        return show_rows(cli, &batch, columns, ARRAY_SIZE(columns));
}

/* A row of queue_summary as a line. */
static void print_totals(const PGresult *row) {
        const char *age = output_value(row, 0, "oldest_due_age_seconds");
        const char *cos = output_value(row, 0, "cos");
        char span[WHEN_SIZE];
        int32_t seconds;

        (void) printf("queue: %s waiting in %s CO%s, %s due", output_value(row, 0, "waiting"), cos,
                      strcmp(cos, "1") ? "s" : "", output_value(row, 0, "due"));
        if (!parse_int32(age, 0, INT32_MAX, &seconds)) {
                when_span(seconds, span);
                (void) printf(", the oldest for %s", span);
        }
        (void) putchar('\n');
}

int verb_status(Cli *cli) {
        static const Column supervisors[] = {
                {"ID", "id"},      {"KIND", "kind"},       {"HOST", "host"},
                {"PID", "pid"},    {"VERSION", "version"}, {"WORKERS", "workers"},
                {"BUSY", "busy"},  {"STARTED", "started"}, {"SEEN (S AGO)", "seen_ago"},
                {"LEASE", "lease"}};
        static const Column workers[] = {{"CO", "co_id"},
                                         {"HOST", "host"},
                                         {"PID", "worker_pid"},
                                         {"SINCE", "since"},
                                         {"JOB", "job"},
                                         {"STATUS", "status"},
                                         {"%", "percent_complete"},
                                         {"STALLED", "stalled_since"},
                                         {"PLUGIN", "plugin"}};
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        int code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_SUPERVISOR_SHOW);
        batch_add(&batch, SQL_WORKER_SHOW);
        batch_add(&batch, SQL_QUEUE_SUMMARY);
        code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (cli->options->is_json) {
                (void) printf("{\"supervisors\": ");
                output_json(reply.results[0], 0);
                (void) printf(", \"workers\": ");
                output_json(reply.results[1], 0);
                (void) printf(", \"queue\": ");
                output_json(reply.results[2], 1);
                (void) printf("}\n");
                return CLI_OK;
        }
        if (!db_rows(&reply, 0))
                cli_tell(cli, "no daemon is running");
        else
                output_table(reply.results[0], supervisors, ARRAY_SIZE(supervisors));
        if (db_rows(&reply, 1)) {
                (void) putchar('\n');
                output_table(reply.results[1], workers, ARRAY_SIZE(workers));
        }
        (void) putchar('\n');
        print_totals(reply.results[2]);
        return CLI_OK;
}
