/* Schema jobd: lanes, supervisors, the queue. */
#pragma once

#include "core/refusal.h"
#include "core/will.h"
#include "db/job_store.h"
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

/* `generation`: of the models that this worker provides: supervisor_models_add(). */
void lane_take_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t pid,
                   int64_t start_ticks, int64_t token, int32_t generation);
/* 1 when the lane is taken; 0 when somebody has it, or nothing is ready that may be claimed now. */
int lane_take_read(const PGresult *result);

/* The first job of the CO could not be claimed: notes it in its lane, in the server's words. */
void lane_refused_add(Batch *batch, int32_t co_id, const char *words, const RefusalPolicy *policy);

typedef struct Refused {
        int32_t job_id;    /* 0: the queue of the CO is empty now */
        int32_t n;         /* refusals of this job in a row */
        usec_t delay_usec; /* to the next try */
} Refused;

Refused lane_refused_read(const PGresult *result);

/* Changes the token of a lane that is still held: see lane_resume.sql. */
void lane_resume_add(Batch *batch, int32_t co_id, int64_t token, int64_t new_token);
void lane_free_add(Batch *batch, int32_t co_id, int64_t token);

void queue_drop_stale_add(Batch *batch, int32_t job_id, int32_t co_id);

/*
 * Three statements: promote what fell due, who waits for this supervisor, when the next falls due.
 * COs up to `above` were seen by the look before.
 */
void queue_look_add(Batch *batch, int32_t above, int32_t supervisor_id);

/* Of queue_look_add(): rows, each with a CO or 0, and the time to the next start. */
int queue_look_rows(const DbReply *reply);
int32_t queue_look_co(const DbReply *reply, int row);
usec_t queue_look_next(const DbReply *reply);
int queue_look_is_full(const DbReply *reply); /* there is more than one look takes */
/* Where the next look goes on; 0: at the beginning. */
int32_t queue_look_above(const DbReply *reply);

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

/*
 * What a supervisor provides from now on: listing_text(). What it did not provide before gets this
 * generation, a number that goes up with each change.
 */
void supervisor_models_add(Batch *batch, int32_t id, const char *models, int32_t generation,
                           const char *problem);

/*
 * 0, or with `error` DB_E_SCHEMA when the schema is older than this program, DB_E_COPY when the
 * database is a copy of the one that it was installed in.
 */
int supervisor_register_read(const DbReply *reply, int32_t *ret_id, DbError *error);
/*
 * `counters`: JSON, or NULL to leave them. `trouble`: what has been in the way of the workers for
 * so many seconds, or NULL.
 */
void supervisor_renew_add(Batch *batch, const Identity *identity, unsigned workers, unsigned busy,
                          const char *counters, const char *trouble, int64_t trouble_seconds);
void supervisor_remove_add(Batch *batch, int32_t id, int64_t token);
/* The supervisor of the will loses its token, unless it has renewed since the will was written. */
void supervisor_condemn_add(Batch *batch, const Will *will, int64_t new_token);
void supervisor_others_add(Batch *batch, int32_t own_id);

/* Another supervisor, with what decides whether it is alive. */
typedef struct Peer {
        int32_t id;
        int64_t token;
        char host[HOST_NAME_SIZE];
        char boot[BOOT_ID_SIZE];
        int32_t pid;
        int64_t start_ticks;
        int64_t renewals;
        usec_t lease_usec;
} Peer;

void supervisor_others_read(const PGresult *result, int row, Peer *ret);

/* Whether a peer runs on this host and boot, and in this PID namespace. */
int peer_is_here(const Identity *self, const Peer *peer);

/* Whether a peer is surely dead: its process is gone from this host and boot. */
int peer_is_gone(const Identity *self, const Peer *peer);

/* A lane of somebody else in which due jobs wait. */
typedef struct LaneLeft {
        int32_t co_id;
        const char *kind, *host; /* of the holder; the result's */
        int32_t pid;             /* of its supervisor */
        int64_t seen_ago;        /* seconds, by the database's clock */
        int has_lapsed;          /* by the database's clock */
} LaneLeft;

#define LANES_LEFT_MAX 50
/* At most one row more than LANES_LEFT_MAX; CO 0: of all COs. */
void lanes_left_add(Batch *batch, int32_t own_id, int32_t co_id);
void lanes_left_read(const PGresult *result, int row, LaneLeft *ret);

/* A model that jobs wait for. */
typedef struct ModelLeft {
        const char *name; /* the result's */
        int64_t jobs;
        int32_t first_job;
} ModelLeft;

/* At most `limit` rows; `own_id`: what this supervisor provides counts as well, 0: none. */
void models_unprovided_add(Batch *batch, int32_t own_id, int limit);
void models_unprovided_read(const PGresult *result, int row, ModelLeft *ret);

/* The workers of a supervisor that hold a lane: rows of PID and start ticks. */
void lane_holders_add(Batch *batch, int32_t supervisor_id);

/*
 * Settles what a will says: see settle.sql. The rows of statement SETTLE_ROWS are read one by one;
 * where the will is that of a whole supervisor, its row goes in the same transaction.
 */
#define SETTLE_ROWS 1
void settle_add(Batch *batch, const Will *will);

typedef enum SettleEvent {
        SETTLE_FAILED,   /* the job became Failed */
        SETTLE_CANCELED, /* the job was Canceled before; how it ended is to be noted */
        SETTLE_TOLD,     /* no job: others were told of the CO */
} SettleEvent;

typedef struct Settled {
        SettleEvent event;
        Finished job;
        int32_t co_id;
        const char *plugin; /* the result's */
} Settled;

void settle_read(const PGresult *result, int row, Settled *ret);

/* Which of these jobs one of these workers of a host had: rows of an id. */
void worker_jobs_add(Batch *batch, const int32_t *ids, size_t n, const char *host,
                     const int32_t *pids, size_t n_pids);

/* Notes in the lane that its job has shown no sign of life for so long; job 0: takes it back. */
void lane_stalled_add(Batch *batch, int32_t co_id, int32_t supervisor_id, int32_t job_id,
                      usec_t silence_usec);
