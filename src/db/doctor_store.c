/* The only file that knows the columns of doctor_*.sql. */
#include "db/doctor_store.h"

#include <math.h>
#include <stdlib.h>

#include "core/when.h"

static const char *text_of(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        return text ? text : "";
}

void doctor_server_read(const PGresult *r, DoctorServer *ret) {
        enum {
                VERSION,
                ROLE,
                DATABASE,
                STANDBY,
                READ_ONLY,
                COMMIT,
                AUTOVACUUM,
                CONNECTIONS,
                CONNECTIONS_MAX,
                NOTIFICATIONS,
                LIVE,
                DEAD
        };
        *ret = (DoctorServer){.version = text_of(r, 0, VERSION),
                              .role = text_of(r, 0, ROLE),
                              .database = text_of(r, 0, DATABASE),
                              .is_standby = db_bool(r, 0, STANDBY),
                              .is_read_only = db_bool(r, 0, READ_ONLY),
                              .synchronous_commit = text_of(r, 0, COMMIT),
                              .has_autovacuum = db_bool(r, 0, AUTOVACUUM),
                              .connections = db_int(r, 0, CONNECTIONS),
                              .connections_max = db_int(r, 0, CONNECTIONS_MAX),
                              .notifications = db_int(r, 0, NOTIFICATIONS),
                              .queue_live = db_int(r, 0, LIVE),
                              .queue_dead = db_int(r, 0, DEAD)};
}

void doctor_trigger_read(const PGresult *r, int row, const char **ret_name, int *ret_is_there) {
        *ret_name = text_of(r, row, 0);
        *ret_is_there = db_bool(r, row, 1);
}

void doctor_right_read(const PGresult *r, int row, const char **ret_right, int *ret_is_extra) {
        *ret_right = text_of(r, row, 0);
        *ret_is_extra = db_bool(r, row, 1);
}

void doctor_queue_read(const PGresult *r, DoctorQueue *ret) {
        *ret = (DoctorQueue){db_int(r, 0, 0), db_int(r, 0, 1), db_int(r, 0, 2)};
}

void doctor_holder_read(const PGresult *r, int row, DoctorHolder *ret, int64_t *ret_all) {
        enum { ID, CO_ID, STATUS, HOST, PID, SINCE, DAEMONS, ALL, NOW };
        const char *since = db_text(r, row, SINCE);
        double seconds = since ? strtod(since, NULL) : NAN;

        *ret_all = db_int(r, row, ALL);
        *ret = (DoctorHolder){.id = (int32_t) db_int(r, row, ID),
                              .co_id = (int32_t) db_int(r, row, CO_ID),
                              .state = job_state_parse(text_of(r, row, STATUS)),
                              .host = db_text(r, row, HOST),
                              .pid = (int32_t) db_int(r, row, PID),
                              .since = isfinite(seconds) ? (int64_t) seconds : WHEN_NEVER,
                              .now = db_int(r, row, NOW),
                              .daemons = db_int(r, row, DAEMONS)};
}

void doctor_lane_read(const PGresult *r, int row, DoctorLane *ret) {
        enum { CO_ID, HOST, PID, IDLE, STALLED_JOB, STALLED };
        *ret = (DoctorLane){.co_id = (int32_t) db_int(r, row, CO_ID),
                            .host = text_of(r, row, HOST),
                            .pid = (int32_t) db_int(r, row, PID),
                            .idle_s = db_int(r, row, IDLE),
                            .stalled_job = (int32_t) db_int(r, row, STALLED_JOB),
                            .stalled_s = db_int(r, row, STALLED)};
}

void doctor_transactions_read(const PGresult *r, DoctorTransactions *ret) {
        *ret = (DoctorTransactions){
                .hidden = db_int(r, 0, 0), .age_s = db_int(r, 0, 1), .what = db_text(r, 0, 2)};
}
