/*
 * A control group for each slot of the pool, where the daemon was given a directory for them
 * (Delegate= of its unit). They give the processes of a job a name and a limit, and end what a dead
 * worker leaves, wherever it went. Without them all goes on with what else there is: no failure
 * here is more than a line in the log.
 */
#pragma once

#include "core/limit.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "util/cgroup.h"
#include "worker/worker_cgroup.h"

typedef struct SlotCgroup {
        int fd; /* -1: not made yet */
        /* Counts of the kernel when the slot's worker was forked. */
        uint64_t oom, oom_kill;
} SlotCgroup;

typedef struct Cgroups {
        Cgroup cgroup; /* .fd -1: none */
        SlotCgroup slots[PLAN_SLOTS_MAX];
} Cgroups;

/* Whether the kernel killed a worker, or one of its processes, for want of memory. */
typedef enum CgroupKill {
        CGROUP_KILL_UNKNOWN, /* there is no cgroup that could tell */
        CGROUP_KILL_NONE,
        CGROUP_KILL_LIMIT,   /* the limit of the cgroup itself */
        CGROUP_KILL_MACHINE, /* that of the whole service, or the memory of the machine */
} CgroupKill;

void cgroups_init(Cgroups *cgroups);

/* Moves this process to a cgroup of its own, and ends what an earlier supervisor left. Logs. */
void cgroups_take(Cgroups *cgroups);

/* Removes what cgroups_take() and cgroups_worker() made. */
void cgroups_leave(Cgroups *cgroups);

/* The cgroup of a worker that is about to be forked; .fd -1 where there is none. */
WorkerCgroup cgroups_worker(Cgroups *cgroups, unsigned slot);

CgroupKill cgroups_kill_of(const Cgroups *cgroups, unsigned slot);

/* Kills what a dead worker has left in its cgroup; 1 when there was something. */
int cgroups_end(const Cgroups *cgroups, unsigned slot);

/* Says which limits there is nobody to enforce. */
void cgroups_check_limits(const Cgroups *cgroups, const LimitTable *limits);
