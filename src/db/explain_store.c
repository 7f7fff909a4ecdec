/* No other file knows the columns of why_*.sql and the parameters of settle_job.sql. */
#include "db/explain_store.h"

#include <math.h>
#include <stdlib.h>

#include "core/history.h"
#include "db/schema.h"

/* WHEN_NEVER for NULL and for infinite times. */
static int64_t time_of(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        double value = text ? strtod(text, NULL) : NAN;
        return isfinite(value) ? (int64_t) value : WHEN_NEVER;
}

void why_supervisors_add(Batch *batch, int32_t id) {
        batch_add(batch, SQL_WHY_SUPERVISORS);
        batch_int(batch, id);
}

void why_supervisors_read(const PGresult *result, int row, Participant *ret) {
        enum {
                LAPSED = 8,
                KIND,
                WORKERS,
                BUSY,
                STARTED,
                SEEN_AGO,
                JOB,
                TROUBLE,
                TROUBLE_SINCE,
                PROVIDES,
        };
        const char *kind = db_text(result, row, KIND);

        *ret = (Participant){
                .has_lapsed = db_bool(result, row, LAPSED),
                .is_daemon = kind && *kind == 'd',
                .provides = db_bool(result, row, PROVIDES),
                .workers = (int32_t) db_int(result, row, WORKERS),
                .busy = (int32_t) db_int(result, row, BUSY),
                .started = db_int(result, row, STARTED),
                .seen_ago = db_int(result, row, SEEN_AGO),
                .job_id = PQgetisnull(result, row, JOB) ? PARTICIPANT_JOB_UNKNOWN
                                                        : (int32_t) db_int(result, row, JOB),
                .trouble = db_text(result, row, TROUBLE),
                .trouble_since = time_of(result, row, TROUBLE_SINCE),
        };
        supervisor_others_read(result, row, &ret->peer);
}

void why_job_add(Batch *batch, int32_t id) {
        batch_add(batch, SQL_WHY_JOB);
        batch_int(batch, id);
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
                TRIGGERS,
                REFUSED,
                REFUSED_WORDS,
                REFUSALS,
                REFUSED_SINCE,
                RETRY_AT,
                MISSING_MODEL,
                PROBLEM,
                HELD_CO,
                HELD_MODEL,
                HELD_REASON,
                HELD_BY,
                HELD_SINCE,
                HELD_UNTIL,
                READY_SINCE
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
                .start_after = time_of(result, 0, START_AFTER),
                .started = time_of(result, 0, START),
                .finished = time_of(result, 0, FINISH),
                .modified = time_of(result, 0, MODIFIED),
                .successor = int_of(result, SUCCESSOR),
                .co_status = db_text(result, 0, CO_STATUS),
                .is_in_queue = db_bool(result, 0, IN_QUEUE),
                .ahead = int_of(result, AHEAD),
                .head = int_of(result, HEAD),
                .has_triggers = int_of(result, TRIGGERS) == SCHEMA_TRIGGERS,
                .stalled = time_of(result, 0, STALLED),
                .refused = int_of(result, REFUSED),
                .refusals = int_of(result, REFUSALS),
                .refused_words = db_text(result, 0, REFUSED_WORDS),
                .missing_model = db_text(result, 0, MISSING_MODEL),
                .problem = db_text(result, 0, PROBLEM),
                .hold = {.is_there = !PQgetisnull(result, 0, HELD_CO),
                         .co_id = int_of(result, HELD_CO),
                         .model = db_text(result, 0, HELD_MODEL),
                         .reason = db_text(result, 0, HELD_REASON),
                         .by = db_text(result, 0, HELD_BY),
                         .since = time_of(result, 0, HELD_SINCE),
                         .until = time_of(result, 0, HELD_UNTIL)},
                .ready_since = time_of(result, 0, READY_SINCE),
                .refused_since = time_of(result, 0, REFUSED_SINCE),
                .retry_at = time_of(result, 0, RETRY_AT),
                .holder_pid = int_of(result, LANE_PID),
                .holder_since = time_of(result, 0, LANE_SINCE),
                .has_lane = db_bool(result, 0, HAS_LANE),
                .running = int_of(result, RUNNING),
                .running_state = state_of(result, RUNNING_STATUS),
                .running_since = time_of(result, 0, RUNNING_SINCE),
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
        batch_words(batch, s->summary, SUMMARY_CHARS);
        batch_words(batch, s->comment, HISTORY_COMMENT_CHARS);
        batch_text(batch, s->actor);
}
