/*
 * settle: ends a job that nobody runs any more, by an administrator's word. What a daemon or a
 * command of ours runs is none of its business; what a process of this host may be running takes
 * --force. Of other hosts it knows nothing: there the word has to do.
 */
#include <stdio.h>
#include <string.h>

#include "cli/evidence.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "util/log_ids.h"
#include "util/text.h"

/* As the columns take it: cut, and without the signs that the Registry refuses in summaries. */
static void make_storable(char *text, size_t size) {
        char copy[SUMMARY_SIZE];

        (void) text_copy_utf8(copy, sizeof(copy), SUMMARY_CHARS, text);
        for (char *p = copy; *p; p++)
                if (*p == '<' || *p == '>' || (unsigned char) *p < 0x20)
                        *p = '?';
        (void) snprintf(text, size, "%s", copy);
}

/* Whether the job can be settled at all; CLI_OK, or a code after saying why not and what helps. */
static int check_status(const WhyFacts *f) {
        if (!f->is_there || f->archive_of || f->is_deleted) {
                cli_say("there is no job %d", f->id);
                return CLI_NOT_FOUND;
        }
        if (f->state == JOB_ASSIGNED || f->state == JOB_IN_PROGRESS)
                return CLI_OK;
        if (f->state == JOB_QUEUED && f->refused == f->id)
                cli_say("job %d is queued, and the database refuses to assign it: %s; "
                        "'registry-job cancel %d' lets its CO go on",
                        f->id, f->refused_words ? f->refused_words : "", f->id);
        else if (f->state == JOB_QUEUED)
                cli_say("job %d is queued: there is nothing to settle; 'registry-job cancel %d' "
                        "keeps it from running",
                        f->id, f->id);
        else
                cli_say("job %d is %s already", f->id,
                        f->state ? job_state_name(f->state) : "in an unknown status");
        return CLI_FAILED;
}

static int check_runner(const Cli *cli, const Evidence *e, const char *process) {
        const WhyFacts *f = &e->facts;

        if ((f->has_lane && f->holder.is_alive) || f->command.is_alive) {
                cli_say("job %d runs: %s on %s has it, PID %d; 'registry-job cancel %d' asks its "
                        "plugin to stop, 'kill %d' there ends it",
                        f->id, f->has_lane ? "a worker of a daemon" : "a registry-job -s", f->host,
                        f->pid, f->id, f->pid);
                return CLI_FAILED;
        }
        const WhySupervisor *who = f->has_lane ? &f->holder : &f->command;
        if (who->has_lapsed && !cli->options->is_forced) {
                cli_say("job %d belongs to a %s on %s that was last seen %lld s ago by the "
                        "database's clock, which may have been set; a daemon settles the job when "
                        "it has seen no renewal for a lease, or --force settles it now",
                        f->id, f->has_lane ? "daemon" : "registry-job -s", f->host,
                        (long long) who->seen_ago);
                return CLI_FAILED;
        }
        if (*process && !cli->options->is_forced) {
                cli_say("process %d (%s) lives on this host and may be running job %d; 'kill %d' "
                        "ends it, or --force settles the job nevertheless",
                        f->pid, process, f->id, f->pid);
                return CLI_FAILED;
        }
        return CLI_OK;
}

static void describe(const Cli *cli, const Evidence *e, const char *process, char *summary,
                     char *comment) {
        const WhyFacts *f = &e->facts;
        const char *host = f->host ? f->host : "an unknown host";
        char since[WHEN_SIZE];
        int n = snprintf(summary, SUMMARY_SIZE, "settled by %.100s: ", cli_actor(cli));
        size_t room = SUMMARY_SIZE - (size_t) n;

        if (!e->has_pid)
                (void) snprintf(summary + n, room, "it names no process that runs it");
        else if (*process)
                (void) snprintf(summary + n, room, "by force, while process %d (%s) lived on %s",
                                f->pid, process, host);
        else if (!strcmp(host, e->self.host))
                (void) snprintf(summary + n, room, "its runner is gone (PID %d on %s)", f->pid,
                                host);
        else
                (void) snprintf(summary + n, room, "its runner is taken for dead (PID %d on %s)",
                                f->pid, host);
        when_since(f->started != WHEN_NEVER ? f->started : f->modified, f->now, since);
        (void) snprintf(comment, SUMMARY_SIZE, "was %s on %s, PID %d, %s; settled by %.100s",
                        job_state_name(f->state), host, f->pid, since, cli_actor(cli));
        make_storable(summary, SUMMARY_SIZE);
        make_storable(comment, SUMMARY_SIZE);
}

static int report(const Cli *cli, const WhyFacts *f, const DbReply *reply, const char *summary) {
        Finished finished;

        job_finish_read(reply->results[0], 0, &finished);
        if (!finished.id) {
                cli_say("job %d has changed meanwhile; see 'registry-job why %d'", f->id, f->id);
                return CLI_FAILED;
        }
        LogFields fields = {.message_id = LOG_ID_SETTLED,
                            .job_id = f->id,
                            .co_id = f->co_id,
                            .plugin = f->plugin,
                            .job_status = job_state_code(JOB_FAILED)};
        cli_note(&fields, "job %d: %s", f->id, summary);
        if (cli->options->is_json)
                return output_value_json(json_pack(
                        "{si ss ss so}", "id", (int) f->id, "was", job_state_code(f->state),
                        "summary", summary, "successor",
                        finished.successor ? json_integer(finished.successor) : json_null()));
        cli_tell(cli, "job %d is failed: %s", f->id, summary);
        if (finished.successor)
                cli_tell(cli, "its retry is job %d", finished.successor);
        else if (finished.waiting)
                cli_tell(cli, "it is not tried again: job %d with the same parameters waits",
                         finished.waiting);
        return CLI_OK;
}

int verb_settle(Cli *cli) {
        _cleanup_(evidence_donep) Evidence e = {0};
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char process[PROCESS_NAME_SIZE] = "", summary[SUMMARY_SIZE], comment[SUMMARY_SIZE];
        char actor[SUMMARY_SIZE];
        Batch batch = {0};
        int32_t id;

        int code = cli_id(cli, 1, &id);
        if (!code)
                code = evidence_collect(cli, id, &e);
        if (!code)
                code = check_status(&e.facts);
        if (code)
                return code;
        if (e.facts.pid > 0 && e.facts.host && !strcmp(e.facts.host, e.self.host))
                (void) process_name(e.facts.pid, process);
        code = check_runner(cli, &e, process);
        if (code)
                return code;
        describe(cli, &e, process, summary, comment);
        (void) text_copy_utf8(actor, sizeof(actor), SUMMARY_CHARS, cli_actor(cli));
        Settlement settlement = {.id = id,
                                 .state = e.facts.state,
                                 .holder = {e.facts.host, e.facts.pid},
                                 .has_pid = e.has_pid,
                                 .summary = summary,
                                 .comment = comment,
                                 .actor = actor};
        settle_job_add(&batch, &settlement);
        code = cli_run(cli, &batch, &reply);
        return code ? code : report(cli, &e.facts, &reply, summary);
}
