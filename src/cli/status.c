/*
 * status: who takes part, what each worker does, what is held, which models nobody provides, and
 * how much waits. Each section is one statement and, for people, one table.
 */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/when.h"
#include "db/json_row.h"
#include "db/lane_store.h"
#include "util/parse.h"
#include "util/text.h"

#define MODELS_SHOWN 50

enum { SUPERVISORS, WORKERS, HOLDS, MODELS, QUEUE };

/* Prints the row of queue_summary as a line. */
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

static void print_words(const PGresult *supervisors, const char *column) {
        for (int row = 0; row < PQntuples(supervisors); row++)
                for (const char *p = output_value(supervisors, row, column); *p;) {
                        size_t n = strcspn(p, "\n");
                        _cleanup_(freep) char *line = text_format(
                                "%s (PID %s): %.*s", output_value(supervisors, row, "host"),
                                output_value(supervisors, row, "pid"), (int) n, p);
                        (void) putchar('\n');
                        output_line(line ? line : "out of memory");
                        p += n + (p[n] != '\0');
                }
}

static void print_section(const PGresult *rows, const Column *columns, size_t n) {
        if (!PQntuples(rows))
                return;
        (void) putchar('\n');
        table_print(rows, columns, n);
}

static void print_tables(const Cli *cli, const DbReply *reply) {
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
                                         {"CANCELED", "canceled_since"},
                                         {"PLUGIN", "plugin"}};
        static const Column holds[] = {
                {"HELD CO", "co_id"}, {"NAME", "co"},  {"HELD MODEL", "model"}, {"SINCE", "since"},
                {"UNTIL", "until"},   {"BY", "actor"}, {"REASON", "reason"}};
        static const Column models[] = {{"MODEL WITHOUT A DAEMON", "model"},
                                        {"JOBS", "jobs"},
                                        {"DUE", "due"},
                                        {"COS", "cos"},
                                        {"FIRST JOB", "first_job"}};

        if (!db_rows(reply, SUPERVISORS))
                cli_tell(cli, "no daemon is running");
        else
                table_print(reply->results[SUPERVISORS], supervisors, ARRAY_SIZE(supervisors));
        print_words(reply->results[SUPERVISORS], "problem");
        print_words(reply->results[SUPERVISORS], "trouble");
        print_section(reply->results[WORKERS], workers, ARRAY_SIZE(workers));
        print_section(reply->results[HOLDS], holds, ARRAY_SIZE(holds));
        print_section(reply->results[MODELS], models, ARRAY_SIZE(models));
        (void) putchar('\n');
        print_totals(reply->results[QUEUE]);
}

int verb_status(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        int code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_SUPERVISOR_SHOW);
        batch_add(&batch, SQL_WORKER_SHOW);
        batch_add(&batch, SQL_HOLD_LIST);
        batch_null(&batch);
        batch_null(&batch);
        models_unprovided_add(&batch, 0, MODELS_SHOWN);
        batch_add(&batch, SQL_QUEUE_SUMMARY);
        code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        const PGresult *queue = reply.results[QUEUE];
        if (cli->options->is_json)
                return output_value_json(json_pack(
                        "{so so so so so}", "supervisors", output_rows(reply.results[SUPERVISORS]),
                        "workers", output_rows(reply.results[WORKERS]), "holds",
                        output_rows(reply.results[HOLDS]), "missing_models",
                        output_rows(reply.results[MODELS]), "queue",
                        json_row(queue, 0, PQnfields(queue))));
        print_tables(cli, &reply);
        return CLI_OK;
}
