/*
 * watch: follows a job to its end. Asks the database four times a second for new records and for
 * the row of the job, and prints what is new. A job may run for hours: a connection that is lost
 * meanwhile is opened again, with a growing pause, and what was shown is not shown again.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/rate.h"
#include "cli/verbs.h"
#include "core/backoff.h"
#include "util/text.h"

#define INTERVAL_USEC (USEC_PER_SEC / 4)
#define RECORDS_AT_ONCE 1000
#define PATIENCE_USEC (10 * 60 * USEC_PER_SEC) /* with a database that is away */

static const Backoff pauses = {.first_usec = USEC_PER_SEC / 4, .max_usec = 10 * USEC_PER_SEC};

typedef struct Seen {
        JobState state;
        char percent[16];
        int32_t record; /* id of the last record that was shown */
        unsigned tries; /* to connect again, since something was shown */
        usec_t until;   /* of these */
} Seen;

static void print_event(const Cli *cli, int32_t id, const char *what, const char *text) {
        if (!cli->options->is_json) {
                (void) printf("job %d %s: ", id, what);
                output_line(text);
        } else {
                (void) output_line_json(
                        json_pack("{si ss ss}", "job", (int) id, "event", what, "text", text));
        }
        (void) fflush(stdout);
}

/* With the rate and the time left, which a program finds in members of their own. */
static void print_percent(const Cli *cli, int32_t id, const PGresult *job, const char *percent) {
        char guess[WHEN_SIZE] = "";
        Progress progress;

        if (cli->options->is_json) {
                json_t *event = json_pack("{si ss ss}", "job", (int) id, "event", "percent", "text",
                                          percent);
                rate_add_json(job, 0, event);
                (void) output_line_json(event);
                (void) fflush(stdout);
                return;
        }
        int is_known = rate_read(job, 0, &progress);
        if (is_known)
                progress_say(&progress, guess);
        _cleanup_(freep) char *text =
                text_format("%s%s%s%s", percent, is_known ? " (" : "", guess, is_known ? ")" : "");
        print_event(cli, id, "percent", text ? text : percent);
}

static void show_records(const Cli *cli, int32_t id, const PGresult *records, Seen *seen) {
        for (int row = 0; row < PQntuples(records); row++) {
                seen->record = (int32_t) db_int(records, row, 0);
                _cleanup_(freep) char *line =
                        text_format("%s %s %s", output_value(records, row, "status"),
                                    output_value(records, row, "record_key"),
                                    output_value(records, row, "comment"));
                print_event(cli, id, "record", line ? line : "");
        }
}

static void show_status(const Cli *cli, int32_t id, const PGresult *job, Seen *seen) {
        JobState state = job_state_parse(output_value(job, 0, "status"));
        const char *percent = output_value(job, 0, "percent_complete");
        const char *summary = job_is_final(state)        ? output_value(job, 0, "finish_summary")
                              : state == JOB_IN_PROGRESS ? output_value(job, 0, "start_summary")
                                                         : output_value(job, 0, "register_summary");

        if (*percent && strcmp(percent, seen->percent) && state == JOB_IN_PROGRESS)
                print_percent(cli, id, job, percent);
        (void) snprintf(seen->percent, sizeof(seen->percent), "%s", percent);
        if (state != seen->state && state)
                print_event(cli, id, job_state_name(state), summary);
        seen->state = state;
}

static void pause_for(usec_t usec) {
        const struct timespec pause = {.tv_sec = (time_t) (usec / USEC_PER_SEC),
                                       .tv_nsec = (long) (usec % USEC_PER_SEC) * 1000};

        (void) nanosleep(&pause, NULL);
}

/*
 * After `error`. Returns CLI_OK, or an exit code after saying why there is no connection. Tries are
 * counted until something was shown: a server may take a connection, and break it at each question.
 */
static int connect_again(Cli *cli, Seen *seen, DbError error) {
        if (!seen->tries) {
                cli_tell(cli, "%s; connecting again, for up to 10 min", error.message);
                seen->until = usec_add(clock_now_usec(), PATIENCE_USEC);
        }
        while (error.class == DB_E_UNAVAILABLE && clock_now_usec() < seen->until) {
                pause_for(backoff_delay(&pauses, ++seen->tries, (uint32_t) getpid()));
                cli->db = db_close(cli->db);
                if (!cli_open(cli, &error))
                        return CLI_OK;
        }
        return cli_say_error(&error);
}

/* Shows what is new. The records come first: then the final status is the last line. */
static int show_news(Cli *cli, int32_t id, Seen *seen) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, SQL_JOB_SHOW);
        batch_int(&batch, id);
        batch_add(&batch, SQL_HISTORY_LIST);
        batch_int(&batch, id);
        batch_int(&batch, seen->record);
        batch_int(&batch, RECORDS_AT_ONCE);
        int r = db_run_retry(cli->db, &batch, &reply);
        if (r)
                return r == DB_E_UNAVAILABLE ? connect_again(cli, seen, reply.error)
                                             : cli_say_error(&reply.error);
        if (seen->tries)
                cli_tell(cli, "connected again");
        seen->tries = 0;
        if (!db_rows(&reply, 0)) {
                cli_say("there is no job %d", id);
                return CLI_NOT_FOUND;
        }
        show_records(cli, id, reply.results[1], seen);
        show_status(cli, id, reply.results[0], seen);
        return CLI_OK;
}

int verb_watch(Cli *cli) {
        Seen seen = {0};
        int32_t id;

        int code = cli_id(cli, 1, &id);
        if (!code)
                code = cli_connect(cli);
        while (!code) {
                code = show_news(cli, id, &seen);
                if (code)
                        break;
                if (seen.state && job_is_final(seen.state))
                        return cli_code_of(seen.state);
                pause_for(INTERVAL_USEC);
        }
        return code;
}
