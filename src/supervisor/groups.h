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
#include "worker/group.h"

typedef struct SlotGroup {
        int fd; /* -1: not made yet */
        /* Counts of the kernel when the slot's worker was forked. */
        uint64_t oom, oom_kill;
} SlotGroup;

typedef struct Groups {
        Cgroup cgroup; /* .fd -1: none */
        SlotGroup slots[PLAN_SLOTS_MAX];
} Groups;

/* Whether the kernel killed a worker, or one of its processes, for want of memory. */
typedef enum GroupKill {
        GROUP_KILL_UNKNOWN, /* there is no group that could tell */
        GROUP_KILL_NONE,
        GROUP_KILL_LIMIT,   /* the limit of the group itself */
        GROUP_KILL_MACHINE, /* that of the whole service, or the memory of the machine */
} GroupKill;

void groups_init(Groups *groups);

/* Moves this process to a group of its own, and ends what an earlier supervisor left. Logs. */
void groups_take(Groups *groups);

/* Removes what groups_take() and groups_worker() made. */
void groups_leave(Groups *groups);

/* The group of a worker that is about to be forked; .fd -1 where there is none. */
WorkerGroup groups_worker(Groups *groups, unsigned slot);

GroupKill groups_kill_of(const Groups *groups, unsigned slot);

/* Kills what a dead worker has left in its group; 1 when there was something. */
int groups_end(const Groups *groups, unsigned slot);

/* Says which limits there is nobody to enforce. */
void groups_check_limits(const Groups *groups, const LimitTable *limits);
