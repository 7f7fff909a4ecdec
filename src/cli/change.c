/* Verbs that change a job: cancel and retry. */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/verbs.h"
#include "util/log_ids.h"
#include "util/parse.h"

static int say_final(Cli *cli, int32_t id) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int code = cli_find(cli, &id, &reply);
        if (code)
                return code;
        JobState state = job_state_parse(output_value(reply.results[0], 0, "status"));
        cli_say("job %d is %s already", id, state ? job_state_name(state) : "in an unknown status");
        return CLI_FAILED;
}

int verb_cancel(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char summary[SUMMARY_SIZE];
        Batch batch = {0};
        int32_t id;

        int code = cli_id(cli, 1, &id);
        if (!code)
                code = cli_connect(cli);
        if (code)
                return code;
        (void) snprintf(summary, sizeof(summary), "Job canceled by %.200s", cli_actor(cli));
        job_cancel_add(&batch, id, summary, cli_actor(cli));
        code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0))
                return say_final(cli, id);
        JobState before = job_state_parse(db_text(reply.results[0], 0, 0));
        LogFields fields = {.message_id = LOG_ID_CANCEL,
                            .job_id = id,
                            .co_id = (int32_t) db_int(reply.results[0], 0, 1),
                            .plugin = db_text(reply.results[0], 0, 2),
                            .job_status = job_state_code(JOB_CANCELED)};
        cli_note(&fields, "job %d: canceled by %s, was %s", id, cli_actor(cli),
                 job_state_name(before));
        if (cli->options->is_json)
                (void) printf("{\"id\": %d, \"was\": \"%s\"}\n", id, job_state_code(before));
        else
                cli_tell(cli, "job %d is canceled%s", id,
                         before == JOB_QUEUED ? "" : "; its plugin stops when it looks");
        return CLI_OK;
}

static int32_t number(const PGresult *row, const char *name, int32_t otherwise) {
        int32_t value = otherwise;
        (void) parse_int32(output_value(row, 0, name), 0, INT32_MAX, &value);
        return value;
}

/* The parameters as stored: what the listing cut is not what would run. */
static int retry_row(Cli *cli, int32_t id, const PGresult *row) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        char summary[SUMMARY_SIZE];

        JobState state = job_state_parse(output_value(row, 0, "status"));
        if (state != JOB_FAILED && state != JOB_CANCELED) {
                cli_say("job %d is %s; only a failed or canceled job can be tried again", id,
                        state ? job_state_name(state) : "in an unknown status");
                return CLI_FAILED;
        }
        if (strlen(output_value(row, 0, "parameters")) >= 1024 * 1024 ||
            !*output_value(row, 0, "plugin")) {
                cli_say("job %d cannot run: it has no plugin, or parameters too long", id);
                return CLI_FAILED;
        }
        (void) snprintf(summary, sizeof(summary), "Retry of job %d by %.180s (uid %u)", id,
                        cli_actor(cli), (unsigned) getuid());
        Registration registration = {.co_id = number(row, "co_id", 0),
                                     .plugin = output_value(row, 0, "plugin"),
                                     .parameters = output_value(row, 0, "parameters"),
                                     .requeue_interval = number(row, "requeue_interval", 0),
                                     .retry_interval = number(row, "retry_interval", 0),
                                     .max_retry = number(row, "max_retry", -1),
                                     .summary = summary,
                                     .actor = cli_actor(cli),
                                     .may_duplicate = cli->options->may_duplicate,
                                     .retried_job_id = id};
        job_register_add(&batch, &registration);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        int32_t next = (int32_t) db_int(reply.results[1], 0, 0);
        if (!next) {
                cli_say("job %lld with the same parameters already waits or runs",
                        (long long) db_int(reply.results[1], 0, 1));
                return CLI_FAILED;
        }
        cli_note_registered(cli, &registration, next);
        (void) printf(cli->options->is_json ? "{\"id\": %d}\n" : "%d\n", next);
        return CLI_OK;
}

int verb_retry(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int32_t id;

        int code = cli_find(cli, &id, &reply);
        return code ? code : retry_row(cli, id, reply.results[0]);
}
