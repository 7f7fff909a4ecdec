#include "worker/finish.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/backoff.h"
#include "db/lane_store.h"
#include "db/pg.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"

#define MAX_FAILURES 100

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

/* The row was not as expected: canceled meanwhile, or settled by others. */
static int note_other_end(Runner *runner, const Job *job, const RunResult *result) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char comment[SUMMARY_SIZE];
        Batch batch = {0};

        (void) snprintf(comment, sizeof(comment), "%s",
                        result->is_settled ? "canceled before the plugin was called"
                                           : result->summary);
        job_status_add(&batch, job->id);
        job_stopped_add(&batch, job->id, comment); /* only if it is Canceled */
        int r = runner_run(runner, &batch, &reply);
        if (r)
                return r;
        JobState state = job_status_read(reply.results[0]);
        LogFields fields = {.message_id = LOG_ID_CANCELED,
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
        return next != FINISH_ALONE || r == DB_E_UNAVAILABLE || r == DB_E_FULL || r == DB_E_RETRY;
}

static int try_finish(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
                      FinishNext next, int32_t bound, FinishReply *ret) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        size_t at = 0;

        int r = recorder_flush(&runner->recorder);
        if (r && is_worth_another_try(r, next))
                return r;
        if (r) /* they stay in the ring: this worker ends, and the supervisor tries to write them */
                log_error("job %d: its last history records could not be written", job->id);
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
                r = runner_run(runner, &batch, &reply);
                if (r)
                        return r;
        }
        if (at)
                job_finish_read(reply.results[at - 1], 0, &finished);
        if (next == FINISH_CLAIM)
                r = job_claim_read(reply.results[at], &ret->claim, &ret->head, &ret->job);
        if (finished.id)
                log_finished(job, result, &finished);
        else if (!r)
                (void) note_other_end(runner, job, result);
        return r;
}

/*
 * 1 when it is worth trying again over another connection. The supervisor ends us when its lease
 * lapses, so the number only bounds a database that refuses this worker alone.
 */
static int wait_for_database(const Runner *runner, unsigned failures) {
        static const Backoff policy = {.first_usec = 100 * USEC_PER_MSEC,
                                       .max_usec = 5 * USEC_PER_SEC};
        usec_t delay = backoff_delay(&policy, failures, (uint32_t) runner->holder.pid);
        struct timespec time = {.tv_sec = (time_t) (delay / USEC_PER_SEC),
                                .tv_nsec = (long) (delay % USEC_PER_SEC * 1000)};

        (void) nanosleep(&time, NULL);
        return failures < MAX_FAILURES;
}

int finish_job(Runner *runner, const Job *job, const RunResult *result, const Lane *lane,
               FinishNext next, int32_t bound, FinishReply *ret) {
        int r;

        for (unsigned failures = 0;;) {
                *ret = (FinishReply){0};
                watch_step(runner->watch);
                r = runner_connect(runner);
                if (!r)
                        r = try_finish(runner, job, result, lane, next, bound, ret);
                if (!r || !is_worth_another_try(r, next))
                        break;
                /* What stood in the way may be the claim: it must not cost the job its end. */
                next = FINISH_ALONE;
                if (!failures++)
                        log_warning("job %d: could not be finished (%s), trying again", job->id,
                                    runner->error.message);
                if (r == DB_E_UNAVAILABLE || r == DB_E_FULL)
                        runner->db = db_close(runner->db);
                if (!wait_for_database(runner, failures))
                        break;
        }
        ret->is_uncertain = lane && next == FINISH_ALONE;
        (void) status_page_begin(runner->page, 0);
        return r;
}
