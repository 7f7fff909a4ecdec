/*
 * A plugin's work of hours is not thrown away because the database restarted in its last minute:
 * the finish is tried again over new connections. After a connection was lost the row may be in any
 * state: finished by the answer that was lost, canceled, settled by others, or Queued again by a
 * failover. What is found decides, never what was sent; the claim of the next job is left out then,
 * and the turn looks at what it holds.
 *
 * What the server refuses for good is written with less, step by step: without its words, then as
 * Failed with the server's words (core/outcome.h). An error of the successor keeps the job from its
 * end for the first tries only: what stands in its way may pass, and a chain should not end.
 */
#include "worker/finish.h"

#include <stdio.h>
#include <string.h>

#include "core/outcome.h"
#include "db/lane_store.h"
#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/text.h"

#define INSISTENT_TRIES 2 /* of the successor: each of them is up to three transactions */
#define SUMMARY_KNOWN ((size_t) 200) /* bytes; the server cuts a summary to which it adds words */

/* The end of one job, over all tries. */
typedef struct End {
        Runner *runner;
        const Job *job;
        const Lane *lane;
        RunResult result; /* as it is written: see EndForm */
        EndForm form;
        JobState wanted;
        FinishNext next;
        int32_t bound;
        unsigned failures;
} End;

static void log_finished(const Job *job, const RunResult *result, const Finished *finished) {
        LogFields fields = {.message_id = result->status == JOB_COMPLETE ? LOG_ID_FINISHED
                                                                         : LOG_ID_FAILED,
                            .job_id = job->id,
                            .co_id = job->co_id,
                            .plugin = job->plugin,
                            .job_status = job_state_code(result->status)};

        log_write(result->status == JOB_COMPLETE ? LOG_INFO : LOG_WARNING, &fields,
                  "job %d: %s%s%s", job->id, job_state_name(result->status),
                  *result->summary ? ": " : "", result->summary);
        if (finished->successor)
                log_write(LOG_INFO, &fields, "job %d: queued again as job %d, not before %s UTC",
                          job->id, finished->successor, finished->start_after);
        if (finished->waiting)
                log_write(LOG_INFO, &fields, "job %d: not queued again: job %d already waits",
                          job->id, finished->waiting);
        if (*finished->held)
                log_write(LOG_WARNING, &fields, "%s", finished->held);
}

/* Once a job: a plugin that gets it wrong gets it wrong in each record. */
static void log_unlinked(Runner *runner, const Job *job) {
        LogFields fields = {.job_id = job->id, .co_id = job->co_id, .plugin = job->plugin};
        uint64_t n = runner->recorder.unlinked;

        runner->recorder.unlinked = 0;
        if (n)
                log_write(LOG_NOTICE, &fields,
                          "job %d: %llu link%s of its history records to people who are not of its "
                          "CO left out",
                          job->id, (unsigned long long) n, n == 1 ? "" : "s");
}

/*
 * The very end that we wanted: our own finish, whose answer was lost. Behind the summary the server
 * says of a periodic job that its chain ends.
 */
static int is_our_end(const PGresult *row, const RunResult *result) {
        return !result->is_settled && job_status_read(row) == result->status &&
               strncmp(job_status_summary(row), result->summary,
                       MIN_OF(strlen(result->summary), SUMMARY_KNOWN)) == 0;
}

/* The job has its end from us. */
static void note_end(Runner *runner, const Job *job, const RunResult *result,
                     const Finished *finished) {
        log_finished(job, result, finished);
        count_end(&runner->counted, runner->page, result->status);
        if (result->status == JOB_FAILED)
                runner_tell_failed(runner, job->id);
}

/*
 * The row was not as expected: finished by us before, canceled meanwhile, settled by others, or
 * undone by a failover, which sets `ret_is_undone`. It is set as well when nobody knows, because
 * this connection was lost, too: another worker must not run the job again.
 */
static int note_other_end(Runner *runner, const Job *job, const RunResult *result,
                          int *ret_is_undone) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char comment[SUMMARY_SIZE];
        Batch batch = {0};

        *ret_is_undone = runner_has_called(runner, job->id);
        (void) snprintf(comment, sizeof(comment), "%s",
                        result->is_settled ? "canceled before the plugin was called"
                                           : result->summary);
        job_status_add(&batch, job->id);
        job_stopped_add(&batch, job->id, comment); /* only if it is Canceled */
        int r = session_run(&runner->session, &batch, &reply);
        if (r)
                return r;
        JobState state = job_status_read(reply.results[0]);
        *ret_is_undone = *ret_is_undone && state == JOB_QUEUED;
        if (is_our_end(reply.results[0], result)) {
                Finished finished = {.id = job->id};
                note_end(runner, job, result, &finished);
                return 0;
        }
        if (db_affected(&reply, 1)) /* said, and counted, once */
                count_end(&runner->counted, runner->page, state);
        LogFields fields = {.message_id = state == JOB_CANCELED ? LOG_ID_CANCELED : NULL,
                            .job_id = job->id,
                            .co_id = job->co_id,
                            .plugin = job->plugin,
                            .job_status = state ? job_state_code(state) : NULL};
        log_write(LOG_NOTICE, &fields, "job %d is %s; its plugin ended: %s", job->id,
                  state ? job_state_name(state) : "gone", comment);
        return 0;
}

/* What stood in the way may be what comes next; without that, only what time can mend. */
static int is_worth_another_try(int r, FinishNext next) {
        return next != FINISH_ALONE || session_is_passing(r);
}

/*
 * A start does not wait for the disk: a server that crashed may have lost it, and the row says
 * Assigned again. In a transaction of its own, because the finish does wait.
 */
static int start_again(Runner *runner, const Job *job) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        run_start_add(runner, job, &batch);
        return session_run(&runner->session, &batch, &reply);
}

/* A full ring is many round trips, each of which may take its time. */
static int flush_records(Runner *runner) {
        int r = 0;

        while (!r && runner->recorder.waiting) {
                watch_step(runner->watch);
                r = recorder_flush_batch(&runner->recorder);
        }
        return r;
}

static void add_finish(const End *end, Batch *batch) {
        job_finish_add(batch, end->job->id, end->result.event, end->result.summary,
                       end->runner->holder, end->failures < INSISTENT_TRIES);
}

static void add_next(const End *end, Batch *batch) {
        if (end->next == FINISH_CLAIM) {
                const ClaimTerms terms = {.bound = end->bound,
                                          .generation = end->lane->generation,
                                          .has_programs =
                                                  residents_run_first(end->runner->residents)};
                job_claim_add(batch, end->lane->co_id, end->lane->token, end->runner->holder,
                              &terms);
        } else if (end->next == FINISH_FREE)
                lane_free_add(batch, end->lane->co_id, end->lane->token);
}

static int try_finish(const End *end, FinishReply *ret, int *ret_is_sent) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        const RunResult *result = &end->result;
        Runner *runner = end->runner;
        const Job *job = end->job;
        Finished finished = {0};
        Batch batch = {0};

        int r = flush_records(runner);
        if (r && is_worth_another_try(r, end->next))
                return r;
        if (r) /* they stay in the ring, and the caller has to see that this worker is replaced */
                log_error("job %d: its last history records could not be written", job->id);
        if (runner->session.is_lost && !result->is_settled && result->event != JOB_EV_REJECT) {
                r = start_again(runner, job);
                if (session_is_passing(r))
                        return r;
        }
        CRASH_POINT(WORKER_FLUSHED);
        if (!result->is_settled)
                add_finish(end, &batch);
        size_t at = batch.n;
        add_next(end, &batch);
        if (batch.n) {
                *ret_is_sent = 1;
                r = session_run(&runner->session, &batch, &reply);
                if (r)
                        return r;
        }
        if (at)
                job_finish_read(reply.results[at - 1], 0, &finished);
        r = end->next == FINISH_CLAIM ? job_claim_read(reply.results[at], &ret->claim) : 0;
        if (finished.id) {
                note_end(runner, job, result, &finished);
        } else if (!r) {
                (void) note_other_end(runner, job, result, &ret->is_undone);
        }
        if (!r)
                CRASH_POINT(WORKER_FINISHED);
        return r;
}

/* Says what the server refuses, and takes the next form of the end; 0 when there is none. */
static int write_less(End *end) {
        const char *why = end->runner->session.error.message;
        RunResult *result = &end->result;
        char words[SUMMARY_SIZE + 32];

        log_error("job %d: the database refuses its end as %s%s%s (%s)", end->job->id,
                  job_state_name(result->status), *result->summary ? ": " : ", without a summary",
                  result->summary, why);
        end->form = outcome_next_form(end->form, end->wanted == JOB_COMPLETE);
        if (end->form == END_AS_FAILED) {
                result->event = JOB_EV_FINISH_FAILED;
                result->status = JOB_FAILED;
                (void) snprintf(words, sizeof(words), "could not become complete: %.250s", why);
                (void) text_copy_utf8(result->summary, sizeof(result->summary), SUMMARY_CHARS,
                                      words);
        } else {
                result->summary[0] = '\0';
        }
        return end->form != _END_FORM_MAX;
}

/* After a try that failed: 1 when another one is to be made. */
static int may_try_again(End *end, int r, int is_sent) {
        Session *session = &end->runner->session;

        if (!is_worth_another_try(r, end->next))
                return is_sent && session_is_refusal(session, r) && !end->result.is_settled &&
                       write_less(end);
        /* What stood in the way may be the claim: it must not cost the job its end. */
        if (is_sent || !session_is_passing(r))
                end->next = FINISH_ALONE;
        if (!end->failures++)
                log_warning("job %d: could not be finished (%s), trying again", end->job->id,
                            session->error.message);
        return runner_wait(end->runner, end->failures);
}

int finish_job(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
               FinishNext next, int32_t bound, FinishReply *ret) {
        End end = {.runner = runner,
                   .job = job,
                   .lane = lane,
                   .result = *result,
                   .wanted = result->status,
                   .next = next,
                   .bound = bound};
        int r, is_sent;

        do {
                *ret = (FinishReply){0};
                is_sent = 0;
                watch_step(runner->watch);
                r = session_connect(&runner->session);
                if (runner->session.is_lost) /* a failover may have undone what the lane rests on */
                        end.next = FINISH_ALONE;
                if (!r)
                        r = try_finish(&end, ret, &is_sent);
        } while (r && may_try_again(&end, r, is_sent));
        log_unlinked(runner, job);
        ret->is_uncertain = lane && (end.next == FINISH_ALONE || runner->session.is_lost);
        if (result->run_usec)
                count_run(&runner->counted, runner->page, result->run_usec);
        status_page_clear_job(runner->page); /* from here on the run is ours to count */
        return r;
}
