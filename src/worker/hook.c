/*
 * The rows are asked what is so: which of the jobs are Failed, and have no retry. The connection is
 * closed before the first program runs, which may take its time. A program is run as those of
 * external models are (plugins/exec), and what it leaves behind is ended with it. Nothing is told
 * twice: what this process was given and has not done when it dies is dropped by the supervisor.
 */
#include "worker/hook.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json_text.h"
#include "db/job_store.h"
#include "db/json_row.h"
#include "db/pg.h"
#include "exec/exec_tell.h"
#include "process/children.h"
#include "process/title.h"
#include "util/log.h"
#include "util/text.h"

#define STEP_USEC (5 * USEC_PER_SEC) /* for the connection, and for the statement */

/* One job, as the program's log needs it. The context comes first. */
typedef struct Told {
        struct rj_context context;
        const char *plugin;
} Told;

static void write_log(struct rj_context *context, int level, const char *text) {
        const Told *told = (const Told *) (const void *) context;
        LogFields fields = {
                .job_id = context->job_id, .co_id = context->co_id, .plugin = told->plugin};

        log_write(level, &fields, "job %d: hook: %s", context->job_id, text);
}

/* "" for a job with which all is well. */
static void report_job(const HookArgs *args, int32_t job_id, int32_t co_id, const char *plugin,
                       const char *words) {
        ChannelMessage message = {.type = CHANNEL_HOOKED, .job_id = job_id, .co_id = co_id};

        (void) text_copy_utf8(message.plugin, sizeof(message.plugin), 0, plugin);
        (void) text_copy_utf8(message.residue, sizeof(message.residue), 0, words);
        (void) channel_send(args->channel, &message);
}

/* The object in one line; a new string, or NULL without memory. What is not ASCII is escaped. */
static char *describe_job(const HookArgs *args, const PGresult *rows, int row) {
        json_auto_t *object = json_row(rows, row, PQnfields(rows));

        if (!object || json_object_set_new(object, "instance", json_string(args->instance)))
                return NULL;
        _cleanup_(freep) char *text = json_text(object, JSON_COMPACT | JSON_ENSURE_ASCII);
        return text ? text_format("%s\n", text) : NULL;
}

static void tell_job(const HookArgs *args, const PGresult *rows, int row) {
        static const struct rj_host host = {
                .struct_size = sizeof(host), .abi_minor = RJ_ABI_MINOR, .log = write_log};
        static const uint32_t nothing = 0;
        const char *plugin = db_text(rows, row, JOB_FAILED_PLUGIN);
        Told told = {.context = {.host = &host,
                                 .control = &nothing,
                                 .job_id = (int32_t) db_int(rows, row, JOB_FAILED_ID),
                                 .co_id = (int32_t) db_int(rows, row, JOB_FAILED_CO)},
                     .plugin = plugin};
        char words[VERDICT_SUMMARY_SIZE] = "no memory left";
        _cleanup_(freep) char *text = describe_job(args, rows, row);

        if (text)
                (void) exec_tell(args->model, &told.context, text, words);
        (void) children_end();
        report_job(args, told.context.job_id, told.context.co_id, plugin, words);
}

/* Returns 0, DB_E_* or -errno, after saying why. */
static int read_jobs(const HookArgs *args, DbReply *ret) {
        DbSettings settings = args->settings->db;
        Session session = {.settings = &settings, .random = (unsigned) getpid()};
        Batch batch = {0};

        settings.application_name = "registry-jobd hook";
        settings.connect_usec = settings.statement_usec = settings.deadline_usec = STEP_USEC;
        int r = session_connect(&session);
        if (!r) {
                job_failed_add(&batch, args->ids, args->n);
                r = session_run_once(&session, &batch, ret);
        }
        if (r)
                report_job(args, 0, 0, NULL, session.error.message);
        session_close(&session);
        return r;
}

int hook_main(void *arg) {
        const HookArgs *args = arg;
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int row = 0;

        title_hook();
        children_adopt();
        if (read_jobs(args, &reply))
                return WORKER_EXIT_UNAVAILABLE;
        for (size_t i = 0; i < args->n; i++)
                if (row < db_rows(&reply, 0) &&
                    db_int(reply.results[0], row, JOB_FAILED_ID) == args->ids[i])
                        tell_job(args, reply.results[0], row++);
                else
                        report_job(args, args->ids[i], 0, NULL, "");
        return WORKER_EXIT_OK;
}
