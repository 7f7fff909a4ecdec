/*
 * The worker processes: forked, spoken to, signalled and reaped here. What to do with them is the
 * plan's; what they left behind is settled by settle.c.
 */
#pragma once

#include <ev.h>
#include <sys/resource.h>

#include "core/cancel.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "ipc/channel.h"
#include "supervisor/groups.h"
#include "worker/worker.h"

/* Why we ended a worker ourselves; NULL in the summary when nobody did. */
typedef enum PoolReason {
        POOL_REASON_NONE,
        POOL_REASON_CANCEL,
        POOL_REASON_SHUTDOWN,
        POOL_REASON_LEASE,
        POOL_REASON_START,  /* was not ready in time */
        POOL_REASON_RETIRE, /* did not end in time */
        POOL_REASON_LANE,   /* a failover has undone that it holds its lane */
        POOL_REASON_PAGE,   /* its status page was written over: it cannot be spoken to */
} PoolReason;

/* How a worker ended. */
typedef struct PoolEnd {
        Outcome outcome;
        JobUsage usage;
        PoolReason reason; /* why we ended it */
        EndedBy ended_by;  /* by its own watch, or by a limit of its control group */
        GroupKill killed;  /* for want of memory */
} PoolEnd;

typedef struct PoolEvents {
        void (*on_ready)(unsigned slot, void *userdata);
        void (*on_turn_over)(unsigned slot, const ChannelMessage *message, void *userdata);
        /* The process is gone; pool_release() when what it left is settled. */
        void (*on_gone)(unsigned slot, const PoolEnd *end, void *userdata);
        void *userdata;
} PoolEvents;

typedef struct Pool Pool;

/* `settings` is what workers are forked with; it may change between forks. */
int pool_new(struct ev_loop *loop, const WorkerSettings *settings, Groups *groups,
             const PoolEvents *events, Pool **ret);
Pool *pool_free(Pool *pool);
DEFINE_CLEANUP(Pool, pool_free)

int pool_spawn(Pool *pool, unsigned slot);
void pool_assign(Pool *pool, unsigned slot, int32_t co_id);
void pool_retire(Pool *pool, unsigned slot);
void pool_kill(Pool *pool, unsigned slot, PoolReason reason);
void pool_release(Pool *pool, unsigned slot);

/* Kills workers whose page is broken: neither a cancel nor the end of the lease would reach them.
 */
void pool_kill_broken(Pool *pool);

/* Time up to which every worker may live; they end themselves behind it. */
void pool_set_lease_end(Pool *pool, usec_t end_usec);

/* Wishes (STATUS_WISH_*), and the share of a turn, for every worker. */
void pool_set_wishes(Pool *pool, uint32_t wishes);
void pool_set_share(Pool *pool, const TurnLimits *share);

/* Sets the control word of whoever runs that job; returns 1 when that was news to it. */
int pool_cancel(Pool *pool, int32_t job_id, usec_t now_usec);

/* Sets the control word of every job that runs, with the shutdown bit. */
void pool_cancel_all(Pool *pool, PoolReason reason, usec_t now_usec);

/* Ends an escalation for that reason: what runs goes on, its control word stays set. */
void pool_call_off(Pool *pool, PoolReason reason);

/* Carries out what the escalation has due; returns when to look again. */
usec_t pool_escalate(Pool *pool, const CancelPolicy *of_cancel, const CancelPolicy *of_end,
                     usec_t now_usec);

/* Ids of the jobs that run, at most `max`. */
size_t pool_jobs(const Pool *pool, int32_t *ids, size_t max);

/* A child has ended: takes it if it is a worker. */
void pool_reaped(Pool *pool, pid_t pid, int wait_status, const struct rusage *usage);

/* Kills what a dead worker has left in its control group; 1 when there was something. */
int pool_end_left(const Pool *pool, unsigned slot);

/* 1 when a living worker has that PID. */
int pool_is_alive(const Pool *pool, pid_t pid);

/* 1 while a worker with that PID lives, or is dead and not settled. */
int pool_has(const Pool *pool, pid_t pid);

pid_t pool_pid(const Pool *pool, unsigned slot);
StatusPage *pool_page(const Pool *pool, unsigned slot);
