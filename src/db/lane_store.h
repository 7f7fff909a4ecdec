/* Schema jobd: lanes, supervisors, the queue. */
#pragma once

#include "db/db.h"
#include "util/process.h"

/* A running daemon or command, as others see it. */
typedef struct Identity {
        char host[HOST_NAME_SIZE];
        char boot[BOOT_ID_SIZE];
        int32_t pid;
        int64_t start_ticks;
        int64_t token; /* random */
        int32_t id;    /* of its row, 0 before it is registered */
} Identity;

/* Fills in who this process is, with a new token and no id. */
int identity_init(Identity *identity);

/* A random number for tokens; never 0. */
int64_t identity_token(void);

void lane_take_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t pid,
                   int64_t start_ticks, int64_t token);
/* Changes the token of a lane that is still held: see lane_resume.sql. */
void lane_resume_add(Batch *batch, int32_t co_id, int64_t token, int64_t new_token);
void lane_free_add(Batch *batch, int32_t co_id, int64_t token);

void queue_drop_stale_add(Batch *batch, int32_t job_id, int32_t co_id);

/* Three statements: promote what fell due, who waits, when the next falls due. */
void queue_look_add(Batch *batch);

/* Of queue_look_add(): the CO of waiting row `row`, and the time to the next start. */
int queue_look_rows(const DbReply *reply);
int32_t queue_look_co(const DbReply *reply, int row);
usec_t queue_look_next(const DbReply *reply);
int queue_look_is_full(const DbReply *reply); /* more fell due than one look promotes */

/* The jobs in the queue, and the COs that they belong to; -1 jobs: not known. */
typedef struct QueueTotals {
        int64_t jobs, cos;
        int is_more; /* the counting ended before the queue */
} QueueTotals;

void queue_totals_add(Batch *batch);
void queue_totals_read(const DbReply *reply, QueueTotals *ret);

/* `kind` is "daemon" or "command". */
void supervisor_register_add(Batch *batch, const Identity *identity, const char *kind,
                             unsigned workers, usec_t lease_usec);

/* 0, or DB_E_SCHEMA with `error` when the schema is older than this program. */
int supervisor_register_read(const DbReply *reply, int32_t *ret_id, DbError *error);
/* `counters`: JSON, or NULL to leave them. */
void supervisor_renew_add(Batch *batch, const Identity *identity, unsigned workers, unsigned busy,
                          const char *counters);
void supervisor_remove_add(Batch *batch, int32_t id, int64_t token);
void supervisor_condemn_add(Batch *batch, int32_t id, int64_t token, int64_t new_token);
void supervisor_others_add(Batch *batch, int32_t own_id);

/* Another supervisor, with what decides whether it is alive. */
typedef struct Peer {
        int32_t id;
        int64_t token;
        char host[HOST_NAME_SIZE];
        char boot[BOOT_ID_SIZE];
        int32_t pid;
        int64_t start_ticks;
        int has_lapsed;
} Peer;

void supervisor_others_read(const PGresult *result, int row, Peer *ret);

/* The workers of a supervisor that hold a lane: rows of PID and start ticks. */
void holder_list_add(Batch *batch, int32_t supervisor_id);

/*
 * Five statements that settle what a dead worker left, or all workers of a supervisor (pid 0): see
 * supervisor_lock.sql and those that follow it. HOLDER_SETTLED is the one with the jobs that
 * became Failed, HOLDER_CANCELED that with those that were Canceled before.
 */
#define HOLDER_SETTLED 2
#define HOLDER_CANCELED 3
void holder_settle_add(Batch *batch, int32_t supervisor_id, int32_t pid, const char *summary);

/* Notes in the lane that its job has shown no sign of life for so long; job 0: takes it back. */
void lane_stalled_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t job_id,
                      usec_t silence_usec);
