/*
 * cancel and retry: of one job, of several, or of all that pass a filter. Each job is changed by
 * a statement that does nothing when the job is not in a state for it: somebody may have been
 * faster, or have started it. A batch of some jobs is one round trip and one transaction. One that
 * the server refuses is tried again job by job, so that one bad job keeps no other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"
#include "cli/targets.h"
#include "cli/verbs.h"
#include "core/change.h"
#include "util/log_ids.h"
#include "util/text.h"

#define LOOKED_AT_ONCE 1000
#define RETRIED_AT_ONCE 100 /* so long nobody else registers in their CO */

typedef struct Change Change;

/* What differs between the verbs. */
typedef struct Verbal {
        const char *done, *would_be, *question; /* "canceled", "would be canceled", "Cancel" */
        unsigned states;                        /* that a filter may name */
        size_t batch;                           /* jobs */
        int is_of_one_co;                       /* a batch */
        void (*add)(const Change *change, Batch *batch, const Target *targets, size_t n);
        void (*read)(Change *change, const Target *targets, size_t n, const DbReply *reply);
        ChangeResult (*judge)(const Change *change, const ChangeFacts *facts, char *why);
        json_t *(*foretell)(const ChangeFacts *facts);
} Verbal;

struct Change {
        Cli *cli;
        const Verbal *verbal;
        Report report;
        char actor[CLI_ACTOR_SIZE];
        Targets unchanged; /* whose rows have to say why */
};

/* ---- told of one job ---- */

/* The job is not as the statement expected: somebody else was faster, or it was so before. */
static void explain(Change *change, const ChangeFacts *facts) {
        char why[CHANGE_WORDS_SIZE];
        ChangeResult r = change->verbal->judge(change, facts, why);

        if (r == CHANGE_DONE)
                (void) snprintf(why, sizeof(why),
                                "job %d has changed at the same moment; try again", facts->id);
        report_refused(&change->report, facts->id, MAX_OF(r, CHANGE_REFUSED), why);
}

/* ---- cancel ---- */

static void add_cancels(const Change *change, Batch *batch, const Target *targets, size_t n) {
        char summary[SUMMARY_SIZE];

        (void) snprintf(summary, sizeof(summary), "Job canceled by %s", change->actor);
        for (size_t i = 0; i < n; i++)
                job_cancel_add(batch, targets[i].id, summary, cli_actor(change->cli));
}

static void read_cancel(Change *change, int32_t id, const PGresult *result) {
        Cli *cli = change->cli;
        char line[64];

        if (!PQntuples(result)) {
                if (targets_add(&change->unchanged, 0, id))
                        change->report.code = cli_say_memory();
                return;
        }
        JobState before = job_state_parse(db_text(result, 0, 0));
        LogFields fields = {.message_id = LOG_ID_CANCEL,
                            .job_id = id,
                            .co_id = (int32_t) db_int(result, 0, 1),
                            .plugin = db_text(result, 0, 2),
                            .job_status = job_state_code(JOB_CANCELED)};
        cli_note(&fields, "job %d: canceled by %s, was %s", id, cli_actor(cli),
                 job_state_name(before));
        (void) snprintf(line, sizeof(line), "job %d is canceled%s", id,
                        before == JOB_QUEUED ? "" : "; its plugin stops when it looks");
        if (change->report.is_single && cli->options->is_json)
                (void) printf("{\"id\": %d, \"was\": \"%s\"}\n", id, job_state_code(before));
        else if (change->report.is_single)
                cli_tell(cli, "%s", line);
        report_done(&change->report, id, line, json_pack("{ss}", "was", job_state_code(before)));
}

static void read_cancels(Change *change, const Target *targets, size_t n, const DbReply *reply) {
        for (size_t i = 0; i < n; i++)
                read_cancel(change, targets[i].id, reply->results[i]);
}

static ChangeResult judge_cancel(const Change *change, const ChangeFacts *facts, char *why) {
        (void) change;
        return change_judge_cancel(facts, why);
}

static json_t *foretell_cancel(const ChangeFacts *facts) {
        return json_pack("{ss}", "was", job_state_code(facts->state));
}

/* ---- retry ---- */

static void add_retries(const Change *change, Batch *batch, const Target *targets, size_t n) {
        int32_t ids[RETRIED_AT_ONCE];
        char who[CLI_ACTOR_SIZE + 32];

        for (size_t i = 0; i < n; i++)
                ids[i] = targets[i].id;
        (void) snprintf(who, sizeof(who), "%s (uid %u)", change->actor, (unsigned) getuid());
        job_retry_add(batch, targets[0].co_id, ids, n, who, cli_actor(change->cli),
                      change->cli->options->may_duplicate);
}

static void say_queued(Change *change, const Retried *retried) {
        const ChangeFacts *facts = &retried->facts;
        Registration registration = {.co_id = facts->co_id, .plugin = facts->plugin};
        char line[64];

        cli_note_registered(change->cli, &registration, retried->id, facts->id);
        (void) snprintf(line, sizeof(line), "job %d is queued again as job %d", facts->id,
                        retried->id);
        if (change->report.is_single)
                (void) printf(change->cli->options->is_json ? "{\"id\": %d}\n" : "%d\n",
                              retried->id);
        report_done(&change->report, facts->id, line, json_pack("{si}", "job", (int) retried->id));
}

static void read_retries(Change *change, const Target *targets, size_t n, const DbReply *reply) {
        (void) targets;
        (void) n;
        for (int row = 0; row < db_rows(reply, JOB_RETRY_RESULT); row++) {
                Retried retried;
                job_retry_read(reply->results[JOB_RETRY_RESULT], row, &retried);
                if (retried.id)
                        say_queued(change, &retried);
                else
                        explain(change, &retried.facts);
        }
}

static ChangeResult judge_retry(const Change *change, const ChangeFacts *facts, char *why) {
        return change_judge_retry(facts, change->cli->options->may_duplicate, why);
}

static json_t *foretell_retry(const ChangeFacts *facts) {
        (void) facts;
        return NULL;
}

static const Verbal cancels = {
        .done = "canceled",
        .would_be = "would be canceled",
        .question = "Cancel",
        .states = CHANGE_CANCEL_STATES,
        .batch = BATCH_MAX_STATEMENTS,
        .add = add_cancels,
        .read = read_cancels,
        .judge = judge_cancel,
        .foretell = foretell_cancel,
};

static const Verbal retries = {
        .done = "queued again",
        .would_be = "would be queued again",
        .question = "Queue again",
        .states = CHANGE_RETRY_STATES,
        .batch = RETRIED_AT_ONCE,
        .is_of_one_co = 1,
        .add = add_retries,
        .read = read_retries,
        .judge = judge_retry,
        .foretell = foretell_retry,
};

/* ---- changing ---- */

/* How many of the next jobs go into one batch. */
static size_t next_batch(const Verbal *verbal, const Targets *targets, size_t at) {
        size_t n = 1;

        while (n < verbal->batch && at + n < targets->n &&
               (!verbal->is_of_one_co || targets->items[at + n].co_id == targets->items[at].co_id))
                n++;
        return n;
}

/* What another job would meet as well; of what took too long, others would not be quicker. */
static int is_fatal(const DbError *error) {
        return error->class == DB_E_UNAVAILABLE || error->class == DB_E_SCHEMA ||
               error->class == DB_E_FULL || (error->class < 0 && error->class != -EBADMSG) ||
               !strcmp(error->sqlstate, "57014") || !strcmp(error->sqlstate, "55P03");
}

/* Returns CLI_OK, or a code when nothing more can be done; an error of one job is told as its. */
static int run_batch(Change *change, const Target *targets, size_t n) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        int code = CLI_OK;

        change->verbal->add(change, &batch, targets, n);
        int r = db_run_retry(change->cli->db, &batch, &reply);
        if (r && change->verbal == &retries && !strcmp(reply.error.sqlstate, "57014"))
                return cli_say_unregistered(targets[0].co_id, 0);
        if (r && (is_fatal(&reply.error) || change->report.is_single))
                return cli_say_error(&reply.error);
        if (r && n == 1) {
                char why[CHANGE_WORDS_SIZE];
                (void) snprintf(why, sizeof(why), "job %d: %.300s", targets[0].id,
                                reply.error.message);
                report_refused(&change->report, targets[0].id, CHANGE_REFUSED, why);
                return CLI_OK;
        }
        for (size_t i = 0; r && !code && i < n; i++)
                code = run_batch(change, &targets[i], 1);
        if (!r)
                change->verbal->read(change, targets, n, &reply);
        return code;
}

/* Says of jobs that were not changed what they are. */
typedef void FactsFn(Change *change, const ChangeFacts *facts);

static int look(Change *change, const Targets *targets, FactsFn *on_facts) {
        int32_t ids[LOOKED_AT_ONCE];
        int code = CLI_OK;

        for (size_t at = 0, n; !code && at < targets->n; at += n) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                Batch batch = {0};

                for (n = 0; n < LOOKED_AT_ONCE && at + n < targets->n; n++)
                        ids[n] = targets->items[at + n].id;
                job_look_add(&batch, ids, n);
                code = cli_run(change->cli, &batch, &reply);
                for (int row = 0; !code && row < db_rows(&reply, 0); row++) {
                        ChangeFacts facts;
                        job_look_read(reply.results[0], row, &facts);
                        on_facts(change, &facts);
                }
        }
        return code;
}

static int change_all(Change *change, const Targets *targets) {
        int code = CLI_OK;

        for (size_t at = 0, n; !code && at < targets->n; at += n) {
                n = next_batch(change->verbal, targets, at);
                code = run_batch(change, &targets->items[at], n);
                if (!code)
                        code = look(change, &change->unchanged, explain);
                change->unchanged.n = 0;
        }
        return code;
}

/* --dry-run: what would be tried. */
static void foretell(Change *change, const ChangeFacts *facts) {
        char why[CHANGE_WORDS_SIZE];
        ChangeResult r = change->verbal->judge(change, facts, why);

        if (r) {
                report_refused(&change->report, facts->id, r, why);
                return;
        }
        _cleanup_(freep) char *line = text_format(
                "job %d %s: CO %d, %s, %s", facts->id, change->verbal->would_be, facts->co_id,
                facts->plugin ? facts->plugin : "without a plugin", job_state_name(facts->state));
        report_done(&change->report, facts->id, line ? line : "out of memory",
                    change->verbal->foretell(facts));
}

/* ---- which jobs ---- */

/* A retry needs the CO of each job, for its lock. What is not there is told here already. */
static void find_co(Change *change, const ChangeFacts *facts) {
        char why[CHANGE_WORDS_SIZE];

        if (!facts->is_found)
                report_refused(&change->report, facts->id,
                               change->verbal->judge(change, facts, why), why);
        else if (targets_add(&change->unchanged, facts->co_id, facts->id))
                change->report.code = cli_say_memory();
}

static int find_cos(Change *change, Targets *targets) {
        int code = look(change, targets, find_co);

        free(targets->items);
        *targets = change->unchanged;
        change->unchanged = (Targets){0};
        targets_sort(targets);
        return code ? code : change->report.code;
}

static int read_line_yes(void) {
        char answer[16];
        return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Nobody changes thousands of jobs by a slip: what a filter selects is counted, and asked about. */
static int confirm(const Change *change, const Targets *targets) {
        size_t n_cos = targets_count_cos(targets);

        if (change->cli->options->is_yes || !targets->n)
                return CLI_OK;
        if (!isatty(STDIN_FILENO)) {
                cli_say("%zu jobs %s; nothing was done: --yes is needed where nobody can be asked",
                        targets->n, change->verbal->would_be);
                return CLI_USAGE;
        }
        (void) fprintf(stderr, "%s %zu job%s of %zu CO%s? [y/N] ", change->verbal->question,
                       targets->n, targets->n == 1 ? "" : "s", n_cos, n_cos == 1 ? "" : "s");
        (void) fflush(stderr);
        if (read_line_yes())
                return CLI_OK;
        cli_say("nothing was done");
        return CLI_FAILED;
}

/* The states of the filter: those that the verb can change, or some of them. */
static int narrow_states(const Change *change, JobFilter *filter) {
        if (!filter->states)
                filter->states = change->verbal->states;
        for (JobState s = _JOB_STATE_NONE + 1; s < _JOB_STATE_MAX; s++)
                if (filter->states & ~change->verbal->states & 1u << s) {
                        cli_say("a job that is %s cannot be %s", job_state_name(s),
                                change->verbal->done);
                        return CLI_USAGE;
                }
        return CLI_OK;
}

static int find_by_filter(Change *change, Targets *targets) {
        const Options *o = change->cli->options;
        JobFilter filter;

        int code = filter_read(change->cli, &filter);
        if (!code)
                code = narrow_states(change, &filter);
        filter.is_unrepeated = change->verbal == &retries && !o->may_duplicate;
        if (!code)
                code = targets_find(change->cli, &filter, o->limit ? o->limit : INT64_MAX, targets);
        return code ? code : o->is_dry_run ? CLI_OK : confirm(change, targets);
}

static int find_targets(Change *change, Targets *targets) {
        int has_ids = change->cli->options->n_words > 1;
        int code = has_ids ? targets_read_ids(change->cli, targets) : CLI_OK;

        if (!code)
                code = cli_connect(change->cli);
        if (code)
                return code;
        if (!has_ids)
                return find_by_filter(change, targets);
        return change->verbal->is_of_one_co && !change->cli->options->is_dry_run
                       ? find_cos(change, targets)
                       : CLI_OK;
}

/* ---- the verbs ---- */

static int run_change(Cli *cli, const Verbal *verbal) {
        _cleanup_(targets_donep) Targets targets = {0};
        int is_dry = cli->options->is_dry_run;
        Change change = {.cli = cli,
                         .verbal = verbal,
                         .report = {.cli = cli,
                                    .done = is_dry ? verbal->would_be : verbal->done,
                                    .is_single = cli->options->n_words == 2 && !is_dry}};

        cli_actor_brief(cli, change.actor);
        int code = find_targets(&change, &targets);
        if (!code)
                code = is_dry ? look(&change, &targets, foretell) : change_all(&change, &targets);
        targets_donep(&change.unchanged);
        int reported = code == CLI_USAGE ? code : report_end(&change.report, !code);
        return code ? code : reported;
}

/* Either ids or a filter. */
static int check_choice(const Cli *cli, int is_chosen, const char *needed) {
        const Options *o = cli->options;

        if (o->n_words > 1 && filter_is_given(o)) {
                cli_say("%s takes either ids or options that select jobs", o->words[0]);
                return CLI_USAGE;
        }
        if (o->n_words > 1 || is_chosen)
                return CLI_OK;
        cli_say("%s of all jobs is refused: %s", o->words[0], needed);
        return CLI_USAGE;
}

int verb_cancel(Cli *cli) {
        int code = check_choice(cli, filter_is_given(cli->options),
                                "give ids, or select jobs by -c, --model, --status, --since, "
                                "--until, --text or --person");
        return code ? code : run_change(cli, &cancels);
}

int verb_retry(Cli *cli) {
        const Options *o = cli->options;
        int is_chosen = (o->is_failed || o->status) && filter_is_narrow(o);
        int code = check_choice(cli, is_chosen,
                                "give ids, or --failed (or --status) together with -c, --model, "
                                "--since, --until, --text or --person");
        return code ? code : run_change(cli, &retries);
}
