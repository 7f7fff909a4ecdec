#include "cli/cli.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/journal.h"
#include "util/log_ids.h"
#include "util/parse.h"

static void _printf_(1, 0) say(const char *format, va_list ap) {
        (void) fprintf(stderr, "registry-job: ");
        (void) vfprintf(stderr, format, ap);
        (void) fputc('\n', stderr);
}

void cli_say(const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        say(format, ap);
        va_end(ap);
}

void cli_tell(const Cli *cli, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        if (!cli->options->is_quiet)
                say(format, ap);
        va_end(ap);
}

void cli_note(const LogFields *fields, const char *format, ...) {
        char text[1024];
        va_list ap;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        journal_note("registry-job", LOG_INFO, fields, text);
}

void cli_note_registered(const Cli *cli, const Registration *registration, int32_t id) {
        int is_here = registration->runner.host != NULL;
        LogFields fields = {.message_id = LOG_ID_REGISTERED,
                            .job_id = id,
                            .co_id = registration->co_id,
                            .plugin = registration->plugin,
                            .job_status = job_state_code(is_here ? JOB_ASSIGNED : JOB_QUEUED)};
        char again[64] = "";

        if (registration->retried_job_id)
                (void) snprintf(again, sizeof(again), ", as a retry of job %d",
                                registration->retried_job_id);
        cli_note(&fields, "job %d: registered by %s%s%s", id, cli_actor(cli), again,
                 is_here ? ", to run in the foreground" : "");
}

void cli_say_problems(const Problems *problems) {
        for (const char *p = problems->text; *p;) {
                size_t n = strcspn(p, "\n");
                cli_say("%.*s", (int) n, p);
                p += n + (p[n] != '\0');
        }
}

static int code_of_error(const DbError *error) {
        return error->class == DB_E_UNAVAILABLE || error->class == DB_E_FULL ? CLI_UNAVAILABLE
                                                                             : CLI_FAILED;
}

int cli_say_error(const DbError *error) {
        const char *hint = sqlstate_hint(error->class);

        cli_say("%s%s%s%s", error->message, error->where ? " (statement " : "",
                error->where ? error->where : "", error->where ? ")" : "");
        if (hint)
                cli_say("hint: %s", hint);
        return code_of_error(error);
}

int cli_open(Cli *cli, DbError *ret_error) {
        if (cli->db)
                return CLI_OK;
        cli->settings = (DbSettings){.conninfo = cli->config->conninfo,
                                     .application_name = "registry-job",
                                     .statement_usec = 60 * USEC_PER_SEC};
        return db_open(&cli->settings, &cli->db, ret_error) ? code_of_error(ret_error) : CLI_OK;
}

int cli_connect(Cli *cli) {
        DbError error;
        return cli_open(cli, &error) ? cli_say_error(&error) : CLI_OK;
}

int cli_run(Cli *cli, Batch *batch, DbReply *reply) {
        return db_run_retry(cli->db, batch, reply) ? cli_say_error(&reply->error) : CLI_OK;
}

const char *cli_actor(const Cli *cli) {
        const struct passwd *user = getpwuid(getuid());
        if (cli->options->actor)
                return cli->options->actor;
        return user ? user->pw_name : "unknown";
}

int cli_id(const Cli *cli, size_t i, int32_t *ret) {
        if (!parse_int32(cli->options->words[i], 1, INT32_MAX, ret))
                return CLI_OK;
        cli_say("'%s' is not the id of a job", cli->options->words[i]);
        return CLI_USAGE;
}

int cli_find(Cli *cli, int32_t *ret_id, DbReply *reply) {
        Batch batch = {0};

        int code = cli_id(cli, 1, ret_id);
        if (!code)
                code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_JOB_SHOW);
        batch_int(&batch, *ret_id);
        code = cli_run(cli, &batch, reply);
        if (code || db_rows(reply, 0))
                return code;
        cli_say("there is no job %d", *ret_id);
        return CLI_NOT_FOUND;
}

int cli_code_of(JobState state) {
        switch (state) {
        case JOB_COMPLETE:
                return CLI_OK;
        case JOB_CANCELED:
                return CLI_CANCELED;
        default:
                return CLI_FAILED;
        }
}
