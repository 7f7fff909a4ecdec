/* The only file besides the SQL that knows the columns of these statements. */
#include "db/job_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

void job_done(Job *job) {
        free(job->plugin);
        free(job->parameters);
        *job = (Job){0};
}

static void add_holder(Batch *batch, Holder holder) {
        batch_text(batch, holder.host);
        batch_int(batch, holder.pid);
}

void job_claim_add(Batch *batch, int32_t co_id, int64_t token, Holder holder, int32_t bound) {
        batch_add(batch, SQL_JOB_CLAIM);
        batch_int(batch, co_id);
        batch_int(batch, token);
        add_holder(batch, holder);
        batch_int(batch, bound);
}

void job_reclaim_add(Batch *batch, int32_t id, int32_t co_id, int64_t token, Holder holder) {
        batch_add(batch, SQL_JOB_RECLAIM);
        batch_int(batch, id);
        batch_int(batch, co_id);
        batch_int(batch, token);
        add_holder(batch, holder);
}

void job_resume_add(Batch *batch, int32_t co_id, int64_t token, Holder holder) {
        batch_add(batch, SQL_JOB_RESUME);
        batch_int(batch, co_id);
        batch_int(batch, token);
        add_holder(batch, holder);
}

JobState job_resume_status(const PGresult *result) {
        const char *code = PQntuples(result) ? db_text(result, 0, 7) : NULL;
        return code ? job_state_parse(code) : _JOB_STATE_NONE;
}

/* NULL stays NULL; returns -ENOMEM when the copy failed. */
static int copy_text(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? error_origin(-ENOMEM) : 0;
}

/* Times that are not there, or have no end, make no wait. */
static int32_t wait_of(const PGresult *result) {
        int64_t wait = PQgetisnull(result, 0, 6) ? -1 : db_int(result, 0, 6);
        return wait < INT32_MAX ? (int32_t) wait : -1;
}

int job_claim_read(const PGresult *result, ClaimResult *ret_result, int32_t *ret_head, Job *ret) {
        *ret_head = (int32_t) db_int(result, 0, 0);
        if (PQntuples(result) < 1 || !*ret_head) {
                *ret_result = CLAIM_EMPTY;
                return 0;
        }
        if (!db_text(result, 0, 1)) {
                *ret_result = CLAIM_LOST;
                return 0;
        }
        *ret_result = CLAIM_JOB;
        *ret = (Job){
                .id = (int32_t) db_int(result, 0, 1),
                .co_id = (int32_t) db_int(result, 0, 2),
                .size = db_int(result, 0, 4),
                .wait = wait_of(result),
        };
        int r = copy_text(&ret->plugin, db_text(result, 0, 3));
        if (!r)
                r = copy_text(&ret->parameters, db_text(result, 0, 5));
        if (r)
                job_done(ret);
        return r;
}

static void add_running(Batch *batch, SqlId statement, int32_t id, Holder holder) {
        batch_add(batch, statement);
        batch_int(batch, id);
        add_holder(batch, holder);
}

void job_start_add(Batch *batch, int32_t id, Holder holder, const char *summary) {
        add_running(batch, SQL_JOB_START, id, holder);
        batch_text(batch, summary);
}

void job_progress_add(Batch *batch, int32_t id, Holder holder, int percent) {
        add_running(batch, SQL_JOB_PROGRESS, id, holder);
        batch_int(batch, percent);
}

void job_start_summary_add(Batch *batch, int32_t id, Holder holder, const char *summary) {
        add_running(batch, SQL_JOB_START_SUMMARY, id, holder);
        batch_text(batch, summary);
}

void job_finish_add(Batch *batch, int32_t id, JobEvent event, JobState status, const char *summary,
                    Holder holder) {
        batch_add(batch, SQL_JOB_FINISH);
        batch_int(batch, id);
        batch_text(batch, job_event_expects(event));
        batch_text(batch, job_state_code(status));
        batch_text(batch, summary);
        add_holder(batch, holder);
}

void job_finish_read(const PGresult *result, int row, Finished *ret) {
        *ret = (Finished){0};
        if (PQntuples(result) <= row)
                return;
        const char *start_after = db_text(result, row, 2);
        ret->id = (int32_t) db_int(result, row, 0);
        ret->successor = (int32_t) db_int(result, row, 1);
        (void) snprintf(ret->start_after, sizeof(ret->start_after), "%s",
                        start_after ? start_after : "");
        ret->waiting = (int32_t) db_int(result, row, 3);
}

void job_status_add(Batch *batch, int32_t id) {
        batch_add(batch, SQL_JOB_STATUS);
        batch_int(batch, id);
}

JobState job_status_read(const PGresult *result) {
        const char *code = PQntuples(result) ? db_text(result, 0, 0) : NULL;
        return code ? job_state_parse(code) : _JOB_STATE_NONE;
}

const char *job_status_summary(const PGresult *result) {
        const char *summary = PQntuples(result) ? db_text(result, 0, 1) : NULL;
        return summary ? summary : "";
}

void job_stopped_add(Batch *batch, int32_t id, const char *comment) {
        batch_add(batch, SQL_JOB_STOPPED);
        batch_int(batch, id);
        batch_text(batch, comment);
}

void job_cancel_add(Batch *batch, int32_t id, const char *summary, const char *actor) {
        batch_add(batch, SQL_JOB_CANCEL);
        batch_int(batch, id);
        batch_text(batch, summary);
        batch_text(batch, actor);
}

static void int_or_null(Batch *batch, int64_t value, int is_null) {
        if (is_null)
                batch_null(batch);
        else
                batch_int(batch, value);
}

void job_register_add(Batch *batch, const Registration *r) {
        batch_add(batch, SQL_REGISTER_LOCK);
        batch_int(batch, r->co_id);

        batch_add(batch, SQL_JOB_REGISTER);
        batch_int(batch, r->co_id);
        batch_text(batch, r->plugin);
        batch_text(batch, r->parameters);
        batch_text(batch, job_state_code(r->runner.host ? JOB_ASSIGNED : JOB_QUEUED));
        batch_text(batch, r->runner.host);
        int_or_null(batch, r->runner.pid, !r->runner.host);
        batch_int(batch, r->delay);
        int_or_null(batch, r->requeue_interval, !r->requeue_interval);
        int_or_null(batch, r->retry_interval, !r->retry_interval);
        int_or_null(batch, r->max_retry, r->max_retry < 0);
        batch_text(batch, r->summary);
        batch_text(batch, r->actor);
        batch_bool(batch, r->may_duplicate);
        int_or_null(batch, r->retried_job_id, !r->retried_job_id);
}
