/*
 * What all verbs share: the connection, which is opened when a verb first needs it, messages, and
 * the exit codes for errors. Results go to standard output, every other line to standard error.
 */
#include "cli/cli.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal.h"
#include "util/log_ids.h"
#include "util/parse.h"
#include "util/text.h"

static void _printf_(1, 0) write_line(const char *format, va_list ap) {
        char *text = NULL;

        if (vasprintf(&text, format, ap) < 0)
                return;
        log_say(text);
        free(text);
}

void cli_say(const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        write_line(format, ap);
        va_end(ap);
}

void cli_tell(const Cli *cli, const char *format, ...) {
        va_list ap;
        va_start(ap, format);
        if (!cli->options->is_quiet)
                write_line(format, ap);
        va_end(ap);
}

void cli_note(const LogFields *fields, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return;
        journal_write("registry-job", LOG_INFO, fields, text);
        free(text);
}

void cli_note_registered(const Cli *cli, const Registration *registration, int32_t id,
                         int32_t retried_id) {
        int is_here = registration->runner.host != NULL;
        LogFields fields = {.message_id = LOG_ID_REGISTERED,
                            .job_id = id,
                            .co_id = registration->co_id,
                            .plugin = registration->plugin,
                            .job_status = job_state_code(is_here ? JOB_ASSIGNED : JOB_QUEUED)};
        char again[64] = "";

        if (retried_id)
                (void) snprintf(again, sizeof(again), ", as a retry of job %d", retried_id);
        cli_note(&fields, "job %d: registered by %s%s%s", id, cli_actor(cli), again,
                 is_here ? ", to run in the foreground" : "");
}

int cli_say_unregistered(int32_t co_id, int32_t waiting) {
        if (waiting)
                cli_say("job %d with the same parameters already waits or runs; --allow-duplicate "
                        "registers another one",
                        waiting);
        else
                cli_say("nothing was registered: whether the same job waits or runs in CO %d "
                        "already could not be found out within 5 s, because of many jobs there "
                        "or long parameters; --allow-duplicate registers it without looking",
                        co_id);
        return CLI_FAILED;
}

void cli_say_problems(const Problems *problems) {
        size_t n_said = 0;

        for (const char *p = problems->text; *p;) {
                size_t n = strcspn(p, "\n");
                cli_say("%.*s", (int) n, p);
                p += n + (p[n] != '\0');
                n_said++;
        }
        if (problems->count > n_said)
                cli_say("and %zu more", problems->count - n_said);
}

int cli_say_memory(void) {
        cli_say("out of memory");
        return CLI_FAILED;
}

static int code_of_error(const DbError *error) {
        switch (error->class) {
        case DB_E_UNAVAILABLE:
        case DB_E_FULL:
        case DB_E_SUPERUSER: /* it answers, and must not be used so */
        case DB_E_ENCODING:
        case DB_E_TIMEZONE:
                return CLI_UNAVAILABLE;
        default:
                return CLI_FAILED;
        }
}

int cli_say_error(const DbError *error) {
        const char *hint = error->is_refused ? sqlstate_refused_hint : sqlstate_hint(error->class);

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
                                     .timezone = cli->config->timezone,
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
        if (*cli->options->actor)
                return cli->options->actor;
        return user ? user->pw_name : "unknown";
}

void cli_actor_brief(const Cli *cli, char actor[CLI_ACTOR_SIZE]) {
        (void) text_copy_utf8(actor, CLI_ACTOR_SIZE, CLI_ACTOR_CHARS, cli_actor(cli));
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
