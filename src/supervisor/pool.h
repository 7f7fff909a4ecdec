/*
 * The worker processes: forked, spoken to, signalled and reaped here. What to do with them is the
 * plan's; what a dead one left is settled by its heir, the next worker that is forked into its
 * slot.
 */
#pragma once

#include <ev.h>

#include "core/cancel.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "core/will.h"
#include "ipc/channel.h"
#include "process/reaper.h"
#include "supervisor/cgroups.h"
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
} PoolReason;

/* How a worker ended. */
typedef struct PoolEnd {
        unsigned slot;
        int32_t pid;
        int64_t start_ticks;
        Outcome outcome;
        JobUsage usage;
        PoolReason reason; /* why we ended it */
        EndedBy ended_by;  /* by its own watch, or by a limit of its control group */
        CgroupKill killed; /* for want of memory */
} PoolEnd;

typedef struct Pool Pool;

/* What libev calls when a worker has said something; see pool_slot_of() and pool_receive(). */
typedef void (*PoolReadable)(struct ev_loop *loop, ev_io *io, int events);

/*
 * `settings` is what workers are forked with; it may change between forks. `io->data` is
 * `userdata`.
 */
int pool_new(struct ev_loop *loop, const WorkerSettings *settings, Cgroups *cgroups,
             PoolReadable on_readable, void *userdata, Pool **ret);
Pool *pool_free(Pool *pool);
DEFINE_CLEANUP(Pool, pool_free)

/* Forks a worker; with a will, an heir, which must be the first to get that slot. */
int pool_fork(Pool *pool, unsigned slot, const Will *will);

/* The slot whose worker can be read. */
unsigned pool_slot_of(const ev_io *io);

/*
 * The next message of the worker in `slot`; 0 when there is none. A plugin can write to its
 * worker's end: one that goes on with nonsense is not listened to any more.
 */
int pool_receive(Pool *pool, unsigned slot, ChannelMessage *ret);

/* Tells the worker to serve the CO. */
void pool_assign(Pool *pool, unsigned slot, int32_t co_id);

/* Tells the worker to end; it is not heard any more. */
void pool_retire(Pool *pool, unsigned slot);

void pool_kill(Pool *pool, unsigned slot, PoolReason reason);

/* The slot is empty: nothing of its worker is to be settled any more. */
void pool_release(Pool *pool, unsigned slot);

/* Time up to which every worker may live; they end themselves behind it. */
void pool_set_lease_end(Pool *pool, usec_t end_usec);

/* Wishes (ORDERS_WISH_*), and the share of a turn, for every worker. */
void pool_set_wishes(Pool *pool, uint32_t wishes);
void pool_set_share(Pool *pool, const Share *share);

/* What became of a cancel. */
typedef enum PoolCancel {
        POOL_CANCEL_NOBODY, /* no worker says that it runs the job */
        POOL_CANCEL_KNOWN,  /* its worker was told before */
        POOL_CANCEL_NEW,
} PoolCancel;

/* Sets the control word of whoever runs that job. */
PoolCancel pool_cancel(Pool *pool, int32_t job_id, usec_t now_usec);

/* The watch of the worker asks for a cancel of the job that it runs. */
void pool_pass_overrun(Pool *pool, unsigned slot);

/* Sets the control word of every job that runs, with the shutdown bit. */
void pool_cancel_all(Pool *pool, PoolReason reason, usec_t now_usec);

/* Ends an escalation for that reason: what runs goes on, its control word stays set. */
void pool_call_off(Pool *pool, PoolReason reason);

/* Carries out what the escalation has due; returns when to look again. */
usec_t pool_escalate(Pool *pool, const CancelPolicy *of_cancel, const CancelPolicy *of_end,
                     usec_t now_usec);

/* 1 when a worker says that it runs the job. */
int pool_runs(const Pool *pool, int32_t job_id);

/* Ids of the jobs that run, at most `max`. */
size_t pool_jobs(const Pool *pool, int32_t *ids, size_t max);

/* PIDs of the workers that live, at most `max`. */
size_t pool_pids(const Pool *pool, pid_t *pids, size_t max);

/*
 * A child has ended. Returns 0 when it is no worker. The caller reads pool_receive() first, for
 * what the worker said before it died.
 */
int pool_bury(Pool *pool, const Death *death, PoolEnd *ret);

/* The slot of a living worker with that PID, or -1. */
int pool_find(const Pool *pool, pid_t pid);

/* Kills what a dead worker has left in its control group; 1 when there was something. */
int pool_end_left(const Pool *pool, unsigned slot);

/* 1 while that worker lives, or is dead and not settled. */
int pool_has(const Pool *pool, int32_t pid, int64_t start_ticks);

pid_t pool_pid(const Pool *pool, unsigned slot);
const StatusPage *pool_page(const Pool *pool, unsigned slot);

/* 1 when history records lie in the ring of the slot. */
int pool_has_records(const Pool *pool, unsigned slot);
