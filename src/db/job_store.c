/*
 * No other file knows the parameters and columns of the job_*.sql statements. Statuses that are
 * parameters come from the table in core/job.c; texts for people are cut to their columns.
 */
#include "db/job_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "util/error.h"
#include "util/text.h"

void job_done(Job *job) {
        free(job->plugin);
        free(job->parameters);
        *job = (Job){0};
}

static void add_holder(Batch *batch, Holder holder) {
        batch_text(batch, holder.host);
        batch_int(batch, holder.pid);
}

void job_claim_add(Batch *batch, int32_t co_id, int64_t token, Holder holder,
                   const ClaimTerms *terms) {
        batch_add(batch, SQL_JOB_CLAIM);
        batch_int(batch, co_id);
        batch_int(batch, token);
        add_holder(batch, holder);
        batch_int(batch, terms->bound);
        batch_int(batch, terms->generation);
        batch_bool(batch, terms->has_programs);
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
        const char *code = PQntuples(result) ? db_text(result, 0, 8) : NULL;
        return code ? job_state_parse(code) : _JOB_STATE_NONE;
}

/* Copies a text, which may be NULL. Returns 0 or -ENOMEM. */
static int copy_text(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? error_origin(-ENOMEM) : 0;
}

/* -1 when a time is missing or infinite. */
static int32_t wait_of(const PGresult *result) {
        int64_t wait = PQgetisnull(result, 0, 6) ? -1 : db_int(result, 0, 6);
        return wait < INT32_MAX ? (int32_t) wait : -1;
}

int job_claim_read(const PGresult *result, Claim *ret) {
        *ret = (Claim){.head = PQntuples(result) ? (int32_t) db_int(result, 0, 0) : 0};
        if (!ret->head)
                return 0;
        ret->result = db_bool(result, 0, 7) ? CLAIM_WAITS : CLAIM_LOST;
        if (!db_text(result, 0, 1))
                return 0;
        ret->result = CLAIM_JOB;
        ret->job = (Job){
                .id = (int32_t) db_int(result, 0, 1),
                .co_id = (int32_t) db_int(result, 0, 2),
                .size = db_int(result, 0, 4),
                .wait = wait_of(result),
        };
        int r = copy_text(&ret->job.plugin, db_text(result, 0, 3));
        if (!r)
                r = copy_text(&ret->job.parameters, db_text(result, 0, 5));
        if (r)
                claim_done(ret);
        return r;
}

static void add_running(Batch *batch, SqlId statement, int32_t id, Holder holder) {
        batch_add(batch, statement);
        batch_int(batch, id);
        add_holder(batch, holder);
}

/* "" is a summary that the server has refused. */
static void add_summary(Batch *batch, const char *summary) {
        if (*summary)
                batch_words(batch, summary, SUMMARY_CHARS);
        else
                batch_null(batch);
}

void job_start_add(Batch *batch, int32_t id, Holder holder, const char *summary) {
        add_running(batch, SQL_JOB_START, id, holder);
        add_summary(batch, summary);
}

void job_progress_add(Batch *batch, int32_t id, Holder holder, int percent) {
        add_running(batch, SQL_JOB_PROGRESS, id, holder);
        batch_int(batch, percent);
}

void job_start_summary_add(Batch *batch, int32_t id, Holder holder, const char *summary) {
        add_running(batch, SQL_JOB_START_SUMMARY, id, holder);
        batch_words(batch, summary, SUMMARY_CHARS);
}

void job_finish_add(Batch *batch, int32_t id, JobEvent event, const char *summary, Holder holder,
                    int insists) {
        batch_add(batch, SQL_JOB_FINISH);
        batch_int(batch, id);
        batch_text(batch, job_event_expects(event));
        batch_text(batch, job_state_code(job_event_leads_to(event)));
        add_summary(batch, summary);
        add_holder(batch, holder);
        batch_bool(batch, insists);
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
        (void) text_copy_utf8(ret->held, sizeof(ret->held), 0, db_text(result, row, 4));
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

int job_status_is_held(const PGresult *result, Holder holder) {
        const char *host = PQntuples(result) ? db_text(result, 0, 2) : NULL;
        return host && !strcmp(host, holder.host) && db_int(result, 0, 3) == holder.pid;
}

void job_stopped_add(Batch *batch, int32_t id, const char *comment) {
        batch_add(batch, SQL_JOB_STOPPED);
        batch_int(batch, id);
        batch_words(batch, comment, HISTORY_COMMENT_CHARS);
}

void job_cancel_add(Batch *batch, int32_t id, const char *summary, const char *actor) {
        batch_add(batch, SQL_JOB_CANCEL);
        batch_int(batch, id);
        batch_words(batch, summary, SUMMARY_CHARS);
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
        batch_text(batch, job_state_code(job_event_leads_to(r->runner.host ? JOB_EV_REGISTER_HERE
                                                                           : JOB_EV_REGISTER)));
        batch_text(batch, r->runner.host);
        int_or_null(batch, r->runner.pid, !r->runner.host);
        batch_int(batch, r->delay);
        int_or_null(batch, r->requeue_interval, !r->requeue_interval);
        int_or_null(batch, r->retry_interval, !r->retry_interval);
        int_or_null(batch, r->max_retry, r->max_retry < 0);
        batch_words(batch, r->summary, SUMMARY_CHARS);
        batch_text(batch, r->actor);
        batch_bool(batch, r->may_duplicate);
        int_or_null(batch, r->runner_id, !r->runner_id);
        batch_text(batch, r->key);
        batch_bool(batch, r->is_requeued_always);
}

void job_register_read(const DbReply *reply, Registered *ret) {
        const PGresult *row = reply->results[1];
        *ret = (Registered){.id = (int32_t) db_int(row, 0, 0),
                            .waiting = (int32_t) db_int(row, 0, 1),
                            .earlier = (int32_t) db_int(row, 0, 2)};
}

void job_failed_add(Batch *batch, const int32_t *ids, size_t n) {
        batch_add(batch, SQL_JOB_FAILED);
        batch_int_array(batch, ids, n);
}

void job_look_add(Batch *batch, const int32_t *ids, size_t n) {
        batch_add(batch, SQL_JOB_LOOK);
        batch_int_array(batch, ids, n);
}

void job_look_read(const PGresult *result, int row, ChangeFacts *ret) {
        const char *code = db_text(result, row, 4);

        *ret = (ChangeFacts){.id = (int32_t) db_int(result, row, 0),
                             .is_found = db_bool(result, row, 1),
                             .co_id = (int32_t) db_int(result, row, 2),
                             .plugin = db_text(result, row, 3),
                             .state = code ? job_state_parse(code) : _JOB_STATE_NONE,
                             .bytes = db_int(result, row, 5),
                             .successor = (int32_t) db_int(result, row, 6)};
}

void job_retry_add(Batch *batch, int32_t co_id, const int32_t *ids, size_t n, const char *who,
                   const char *actor, int may_duplicate) {
        batch_add(batch, SQL_REGISTER_LOCK);
        batch_int(batch, co_id);
        batch_add(batch, SQL_RETRY_BOUND);
        batch_add(batch, SQL_JOB_RETRY);
        batch_int_array(batch, ids, n);
        batch_int(batch, co_id);
        batch_words(batch, who, SUMMARY_CHARS);
        batch_text(batch, actor);
        batch_bool(batch, may_duplicate);
}

void job_retry_read(const PGresult *result, int row, Retried *ret) {
        *ret = (Retried){.id = (int32_t) db_int(result, row, 7)};
        job_look_read(result, row, &ret->facts);
        ret->facts.waiting = (int32_t) db_int(result, row, 8);
}
