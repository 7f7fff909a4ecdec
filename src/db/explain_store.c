/* The only file that knows the columns of why_*.sql and settle_job.sql. */
#include "db/explain_store.h"

#include <math.h>
#include <stdlib.h>

#include "db/schema.h"

void why_supervisors_add(Batch *batch) {
        batch_add(batch, SQL_WHY_SUPERVISORS);
}

void why_supervisors_read(const PGresult *result, int row, Participant *ret) {
        enum { KIND = 7, WORKERS, BUSY, STARTED, SEEN_AGO, LEASE };
        const char *kind = db_text(result, row, KIND);

        *ret = (Participant){
                .is_daemon = kind && *kind == 'd',
                .workers = (int32_t) db_int(result, row, WORKERS),
                .busy = (int32_t) db_int(result, row, BUSY),
                .started = db_int(result, row, STARTED),
                .seen_ago = db_int(result, row, SEEN_AGO),
                .lease = db_int(result, row, LEASE),
        };
        supervisor_others_read(result, row, &ret->peer);
}

void why_job_add(Batch *batch, int32_t id) {
        batch_add(batch, SQL_WHY_JOB);
        batch_int(batch, id);
}

/* NULL and infinite times are none. */
static int64_t time_of(const PGresult *result, int column) {
        const char *text = db_text(result, 0, column);
        double value = text ? strtod(text, NULL) : NAN;
        return isfinite(value) ? (int64_t) value : WHEN_NEVER;
}

static JobState state_of(const PGresult *result, int column) {
        const char *code = db_text(result, 0, column);
        return code ? job_state_parse(code) : _JOB_STATE_NONE;
}

static int32_t int_of(const PGresult *result, int column) {
        return (int32_t) db_int(result, 0, column);
}

void why_job_read(const PGresult *result, int32_t id, WhyRow *ret) {
        enum {
                NOW,
                STATUS,
                JOB_ID,
                DELETED,
                CO_ID,
                PLUGIN,
                HOST,
                PID,
                PERCENT,
                SUMMARY,
                ACTOR,
                START_AFTER,
                START,
                FINISH,
                MODIFIED,
                SUCCESSOR,
                CO_STATUS,
                IN_QUEUE,
                AHEAD,
                HEAD,
                SUPERVISOR,
                LANE_PID,
                LANE_SINCE,
                HAS_LANE,
                RUNNING,
                RUNNING_STATUS,
                RUNNING_SINCE,
                STALLED,
                TRIGGERS
        };

        *ret = (WhyRow){.facts = {.id = id}};
        if (!PQntuples(result))
                return;
        ret->supervisor_id = int_of(result, SUPERVISOR);
        ret->has_pid = !PQgetisnull(result, 0, PID);
        ret->facts = (WhyFacts){
                .id = id,
                .is_there = 1,
                .now = db_int(result, 0, NOW),
                .archive_of = int_of(result, JOB_ID),
                .is_deleted = db_bool(result, 0, DELETED),
                .state = state_of(result, STATUS),
                .co_id = int_of(result, CO_ID),
                .plugin = db_text(result, 0, PLUGIN),
                .host = db_text(result, 0, HOST),
                .pid = int_of(result, PID),
                .percent = PQgetisnull(result, 0, PERCENT) ? -1 : int_of(result, PERCENT),
                .summary = db_text(result, 0, SUMMARY),
                .actor = db_text(result, 0, ACTOR),
                .start_after = time_of(result, START_AFTER),
                .started = time_of(result, START),
                .finished = time_of(result, FINISH),
                .modified = time_of(result, MODIFIED),
                .successor = int_of(result, SUCCESSOR),
                .co_status = db_text(result, 0, CO_STATUS),
                .is_in_queue = db_bool(result, 0, IN_QUEUE),
                .ahead = int_of(result, AHEAD),
                .head = int_of(result, HEAD),
                .has_triggers = int_of(result, TRIGGERS) == SCHEMA_TRIGGERS,
                .stalled = time_of(result, STALLED),
                .holder_pid = int_of(result, LANE_PID),
                .holder_since = time_of(result, LANE_SINCE),
                .has_lane = db_bool(result, 0, HAS_LANE),
                .running = int_of(result, RUNNING),
                .running_state = state_of(result, RUNNING_STATUS),
                .running_since = time_of(result, RUNNING_SINCE),
        };
}

void settle_job_add(Batch *batch, const Settlement *s) {
        batch_add(batch, SQL_SETTLE_JOB);
        batch_int(batch, s->id);
        batch_text(batch, job_state_code(s->state));
        batch_text(batch, s->holder.host);
        if (s->has_pid)
                batch_int(batch, s->holder.pid);
        else
                batch_null(batch);
        batch_text(batch, s->summary);
        batch_text(batch, s->comment);
        batch_text(batch, s->actor);
}
