#include "worker/finish.h"

#include <stdio.h>
#include <string.h>

#include "db/lane_store.h"
#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"

static void log_finished(const Job *job, const RunResult *result, const Finished *finished) {
        LogFields fields = {.message_id = result->status == JOB_COMPLETE ? LOG_ID_FINISHED
                                                                         : LOG_ID_FAILED,
                            .job_id = job->id,
                            .co_id = job->co_id,
                            .plugin = job->plugin,
                            .job_status = job_state_code(result->status)};

        log_write(result->status == JOB_COMPLETE ? LOG_INFO : LOG_WARNING, &fields,
                  "job %d: %s: %s", job->id, job_state_name(result->status), result->summary);
        if (finished->successor)
                log_write(LOG_INFO, &fields, "job %d: queued again as job %d, not before %s UTC",
                          job->id, finished->successor, finished->start_after);
        if (finished->waiting)
                log_write(LOG_INFO, &fields, "job %d: not queued again: job %d already waits",
                          job->id, finished->waiting);
}

/* The very end that we wanted: our own finish, whose answer was lost. */
static int is_our_end(const PGresult *row, const RunResult *result) {
        return !result->is_settled && job_status_read(row) == result->status &&
               strcmp(job_status_summary(row), result->summary) == 0;
}

/*
 * The row was not as expected: finished by us before, canceled meanwhile, settled by others, or
 * undone by a failover, which sets `ret_is_undone`.
 */
static int note_other_end(Runner *runner, const Job *job, const RunResult *result,
                          int *ret_is_undone) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char comment[SUMMARY_SIZE];
        Batch batch = {0};

        (void) snprintf(comment, sizeof(comment), "%s",
                        result->is_settled ? "canceled before the plugin was called"
                                           : result->summary);
        job_status_add(&batch, job->id);
        job_stopped_add(&batch, job->id, comment); /* only if it is Canceled */
        int r = session_run(&runner->session, &batch, &reply);
        if (r)
                return r;
        if (is_our_end(reply.results[0], result)) {
                Finished finished = {.id = job->id};
                log_finished(job, result, &finished);
                count_end(&runner->counted, runner->page, result->status);
                return 0;
        }
        JobState state = job_status_read(reply.results[0]);
        if (db_affected(&reply, 1)) /* said, and counted, once */
                count_end(&runner->counted, runner->page, state);
        *ret_is_undone = state == JOB_QUEUED && runner_has_called(runner, job->id);
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
static int flush(Runner *runner) {
        int r = 0;

        while (!r && runner->recorder.waiting) {
                watch_step(runner->watch);
                r = recorder_flush_batch(&runner->recorder);
        }
        return r;
}

static int try_finish(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
                      FinishNext next, int32_t bound, FinishReply *ret, int *ret_is_sent) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        size_t at = 0;

        int r = flush(runner);
        if (r && is_worth_another_try(r, next))
                return r;
        if (r) /* they stay in the ring, and the caller has to see that this worker is replaced */
                log_error("job %d: its last history records could not be written", job->id);
        if (runner->session.is_lost && !result->is_settled && result->event != JOB_EV_REJECT) {
                r = start_again(runner, job);
                if (session_is_passing(r))
                        return r;
        }
        CRASH_POINT(WORKER_FLUSHED);
        if (!result->is_settled) {
                job_finish_add(&batch, job->id, result->event, result->status, result->summary,
                               runner->holder);
                at = batch.n;
        }
        if (next == FINISH_CLAIM)
                job_claim_add(&batch, lane->co_id, lane->token, runner->holder, bound);
        else if (next == FINISH_FREE)
                lane_free_add(&batch, lane->co_id, lane->token);

        Finished finished = {0};
        if (batch.n) {
                *ret_is_sent = 1;
                r = session_run(&runner->session, &batch, &reply);
                if (r)
                        return r;
        }
        if (at)
                job_finish_read(reply.results[at - 1], 0, &finished);
        if (next == FINISH_CLAIM)
                r = job_claim_read(reply.results[at], &ret->claim, &ret->head, &ret->job);
        if (finished.id) {
                log_finished(job, result, &finished);
                count_end(&runner->counted, runner->page, result->status);
        } else if (!r) {
                (void) note_other_end(runner, job, result, &ret->is_undone);
        }
        if (!r)
                CRASH_POINT(WORKER_FINISHED);
        return r;
}

int finish_job(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
               FinishNext next, int32_t bound, FinishReply *ret) {
        int r;

        for (unsigned failures = 0;;) {
                *ret = (FinishReply){0};
                int is_sent = 0;
                watch_step(runner->watch);
                r = session_connect(&runner->session);
                if (runner->session.is_lost) /* a failover may have undone what the lane rests on */
                        next = FINISH_ALONE;
                if (!r)
                        r = try_finish(runner, job, result, lane, next, bound, ret, &is_sent);
                if (!r || !is_worth_another_try(r, next))
                        break;
                /* What stood in the way may be the claim: it must not cost the job its end. */
                if (is_sent || !session_is_passing(r))
                        next = FINISH_ALONE;
                if (!failures++)
                        log_warning("job %d: could not be finished (%s), trying again", job->id,
                                    runner->session.error.message);
                if (!runner_wait(runner, failures))
                        break;
        }
        ret->is_uncertain = lane && (next == FINISH_ALONE || runner->session.is_lost);
        if (result->run_usec)
                count_run(&runner->counted, runner->page, result->run_usec);
        (void) status_page_begin(runner->page, 0); /* from here on the run is ours to count */
        return r;
}
