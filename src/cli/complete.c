/*
 * complete: prints words for the completion of a shell, one a line. Somebody waits at a prompt:
 * what is not to be had within a moment is not printed, and nothing is said of it.
 */
#include <string.h>

#include "cli/output.h"
#include "cli/verbs.h"
#include "core/change.h"
#include "db/list_store.h"

#define CONNECT_USEC USEC_PER_SEC
#define STATEMENT_USEC (500 * USEC_PER_MSEC)
#define WORDS_MAX 200
#define JOBS_MAX 50

static int open_briefly(Cli *cli) {
        DbError error;

        cli->settings = (DbSettings){.conninfo = cli->config->conninfo,
                                     .application_name = "registry-job",
                                     .connect_usec = CONNECT_USEC,
                                     .statement_usec = STATEMENT_USEC,
                                     .deadline_usec = CONNECT_USEC};
        return db_open(&cli->settings, &cli->db, &error);
}

/* The jobs that a verb can do something about. */
static void add_jobs(Batch *batch, const char *verb) {
        JobFilter filter = {.since = WHEN_NEVER, .until = WHEN_NEVER};

        if (!strcmp(verb, "cancel"))
                filter.states = CHANGE_CANCEL_STATES;
        if (!strcmp(verb, "settle"))
                filter.states = 1u << JOB_ASSIGNED | 1u << JOB_IN_PROGRESS;
        if (!strcmp(verb, "retry")) {
                filter.states = CHANGE_RETRY_STATES;
                filter.is_unrepeated = 1;
        }
        job_list_add(batch, &filter, JOBS_MAX);
}

int verb_complete(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        const Options *o = cli->options;
        const char *what = o->words[1], *column;
        Batch batch = {0};

        if (!strcmp(what, "jobs")) {
                add_jobs(&batch, o->n_words > 2 ? o->words[2] : "");
                column = "id";
        } else if (!strcmp(what, "cos")) {
                batch_add(&batch, SQL_CO_NAMES);
                batch_text(&batch, "");
                batch_int(&batch, WORDS_MAX);
                column = "name";
        } else if (!strcmp(what, "models")) {
                batch_add(&batch, SQL_MODEL_NAMES);
                batch_int(&batch, WORDS_MAX);
                column = "model";
        } else {
                cli_say("complete prints jobs, cos or models, not '%s'", what);
                return CLI_USAGE;
        }
        int r = open_briefly(cli);
        if (!r)
                r = db_run(cli->db, &batch, &reply);
        batch_done(&batch);
        for (int row = 0; !r && row < db_rows(&reply, 0); row++)
                if (*output_value(reply.results[0], row, column))
                        output_line(output_value(reply.results[0], row, column));
        return r ? CLI_UNAVAILABLE : CLI_OK;
}
