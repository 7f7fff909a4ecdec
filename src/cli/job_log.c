/*
 * log: all that is known of one job, for whoever asks what happened: its row, its history, the
 * archive copies that others have made, and what the journal of this host has. The journal of
 * another host is there only; it is said which that is.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/models.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "core/when.h"
#include "db/json_row.h"
#include "journal/journal.h"
#include "journal/reading.h"
#include "util/process.h"
#include "util/text.h"

#define RECORDS_MAX 1000
#define COPIES_MAX 1000
#define LINES_MAX 1000

enum { JOB, HISTORY, COPIES };

static const char *word_for(int priority) {
        if (priority <= LOG_ERR)
                return "error: ";
        return priority == LOG_WARNING ? "warning: " : "";
}

static void print_entry(const JournalEntry *entry, void *userdata) {
        char when[WHEN_SIZE];
        (void) userdata;

        when_iso(entry->time, when);
        _cleanup_(freep) char *line =
                text_format("%s %s %s: %s%s", when, entry->host, entry->identifier,
                            word_for(entry->priority), entry->message);
        output_line(line ? line : "out of memory");
}

static void pack_entry(const JournalEntry *entry, void *userdata) {
        json_t *lines = userdata;
        char when[WHEN_SIZE];

        when_iso(entry->time, when);
        /* What is no UTF-8 in a field is not of ours, and left out. */
        (void) json_array_append_new(lines,
                                     json_pack("{ss si ss* ss* ss*}", "time", when, "priority",
                                               entry->priority, "host", entry->host, "identifier",
                                               entry->identifier, "message", entry->message));
}

/* Where else there may be lines; "" where the job has run here, or nowhere. */
static const char *other_host(const PGresult *job, const char *here) {
        const char *host = output_value(job, 0, "assigned_host");
        return strcmp(host, here) != 0 ? host : "";
}

static void print_journal(Cli *cli, int32_t id, const char *elsewhere) {
        (void) printf("\nJournal of this host, instance %s:\n", journal_instance());
        int n = journal_read_job(id, LINES_MAX, print_entry, NULL);
        if (n < 0)
                cli_tell(cli, "the journal of this host cannot be read: %s", strerror(-n));
        else if (!n)
                (void) printf("  nothing of this instance%s\n",
                              geteuid()
                                      ? " that this user may read (group systemd-journal may)"
                                      : "; a daemon that was started by hand logs to its terminal");
        else if (n == LINES_MAX)
                (void) printf("  (the last %d lines)\n", n);
        if (*elsewhere)
                (void) printf("The job ran on %s: journalctl -t registry-jobd JOB_ID=%d there\n",
                              elsewhere, (int) id);
}

static void print_rows(const char *title, const PGresult *rows, const Column *columns, size_t n,
                       int max) {
        if (!PQntuples(rows))
                return;
        (void) printf("\n%s:\n", title);
        table_print(rows, columns, n);
        if (PQntuples(rows) == max)
                (void) printf("  (the first %d)\n", max);
}

static void print_all(Cli *cli, int32_t id, const DbReply *reply, const char *here) {
        static const Column history[] = {{"TIME", "created"},
                                         {"STATUS", "status"},
                                         {"PERSON", "person_id"},
                                         {"KEY", "record_key"},
                                         {"COMMENT", "comment"}};
        static const Column copies[] = {{"COPY", "id"},
                                        {"TIME", "modified"},
                                        {"STATUS", "status"},
                                        {"ACTOR", "actor_identifier"},
                                        {"HOST", "assigned_host"},
                                        {"PID", "assigned_pid"},
                                        {"SUMMARY", "finish_summary"}};

        table_print_record(reply->results[JOB], 0);
        print_rows("History", reply->results[HISTORY], history, ARRAY_SIZE(history), RECORDS_MAX);
        print_rows("Archive copies", reply->results[COPIES], copies, ARRAY_SIZE(copies),
                   COPIES_MAX);
        print_journal(cli, id, other_host(reply->results[JOB], here));
}

static int pack_all(int32_t id, const DbReply *reply, const char *here) {
        const char *elsewhere = other_host(reply->results[JOB], here);
        json_t *lines = json_array();

        int n = journal_read_job(id, LINES_MAX, pack_entry, lines);
        return output_value_json(json_pack(
                "{so so so so so so}", "job",
                json_row(reply->results[JOB], 0, PQnfields(reply->results[JOB])), "history",
                output_rows(reply->results[HISTORY]), "copies", output_rows(reply->results[COPIES]),
                "journal", lines, "journal_error", n < 0 ? json_string(strerror(-n)) : json_null(),
                "journal_elsewhere", *elsewhere ? json_string(elsewhere) : json_null()));
}

int verb_log(Cli *cli) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char here[HOST_NAME_SIZE];
        Batch batch = {0};
        int32_t id;

        int code = cli_id(cli, 1, &id);
        if (!code)
                code = cli_connect(cli);
        if (code)
                return code;
        batch_add(&batch, SQL_JOB_SHOW);
        batch_int(&batch, id);
        batch_add(&batch, SQL_HISTORY_LIST);
        batch_int(&batch, id);
        batch_int(&batch, 0);
        batch_int(&batch, RECORDS_MAX);
        batch_add(&batch, SQL_JOB_COPIES);
        batch_int(&batch, id);
        batch_int(&batch, COPIES_MAX);
        code = cli_run(cli, &batch, &reply);
        if (!code && !db_rows(&reply, JOB)) {
                cli_say("there is no job %d", (int) id);
                code = CLI_NOT_FOUND;
        }
        if (!code)
                code = models_hide_in(cli, reply.results[JOB]);
        if (code)
                return code;
        if (process_host(here))
                *here = '\0';
        if (cli->options->is_json)
                return pack_all(id, &reply, here);
        print_all(cli, id, &reply, here);
        return CLI_OK;
}
