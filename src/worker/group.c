#include "worker/group.h"

#include <errno.h>

#include "util/cgroup.h"

/* Another `more` than is used now. */
static int allow(int group, const char *current, const char *max, uint64_t more) {
        uint64_t used;
        int r = cgroup_read(group, current, &used);
        return r ? r : cgroup_write(group, max, cgroup_text_max(used, more));
}

/*
 * All of the group ends when its memory does: a job that goes on without one of its processes is
 * not to be told from one that is well. There is no file for swap where that is not counted.
 */
static int limit_memory(int group, uint64_t bytes) {
        int r = cgroup_write(group, "memory.oom.group", 1);
        if (!r)
                r = allow(group, "memory.swap.current", "memory.swap.max", 0);
        if (!r || r == -ENOENT)
                r = allow(group, "memory.current", "memory.max", bytes);
        return r;
}

static int unlimit_memory(int group) {
        int r = cgroup_write(group, "memory.max", UINT64_MAX);
        (void) cgroup_write(group, "memory.swap.max", UINT64_MAX);
        (void) cgroup_write(group, "memory.oom.group", 0);
        return r;
}

/* What is not there binds nobody. */
static int lift(int group, const char *file, uint64_t value) {
        int r = cgroup_write(group, file, value);
        return r == -ENOENT ? 0 : r;
}

/*
 * The limits of a job that died with its worker, and whatever a plugin has written into its group
 * itself: frozen, or without memory, whoever joins it would not come as far as to change that.
 */
static int reset(const WorkerGroup *group) {
        int r = lift(group->fd, "cgroup.freeze", 0);

        if (!r && group->controllers & CGROUP_MEMORY) {
                r = lift(group->fd, "memory.high", UINT64_MAX);
                int r_max = unlimit_memory(group->fd);
                r = r || r_max == -ENOENT ? r : r_max;
        }
        if (!r && group->controllers & CGROUP_PIDS)
                r = lift(group->fd, "pids.max", UINT64_MAX);
        return r;
}

int worker_group_join(WorkerGroup *group) {
        int r = reset(group);
        return r ? r : cgroup_join(group->fd);
}

int worker_group_limit(WorkerGroup *group, const Limits *limits) {
        int r = 0;

        if (limits->memory_bytes && group->controllers & CGROUP_MEMORY) {
                group->limited |= CGROUP_MEMORY;
                r = limit_memory(group->fd, limits->memory_bytes);
        }
        if (limits->tasks && group->controllers & CGROUP_PIDS) {
                group->limited |= CGROUP_PIDS;
                group->refused = 0;
                (void) cgroup_read_key(group->fd, "pids.events", "max", &group->refused);
                int r_pids = allow(group->fd, "pids.current", "pids.max", limits->tasks);
                r = r ? r : r_pids;
        }
        return r;
}

int worker_group_unlimit(WorkerGroup *group, int *ret_is_refused) {
        uint64_t refused = group->refused;
        int r = 0, r_pids = 0;

        *ret_is_refused = 0;
        if (group->limited & CGROUP_MEMORY)
                r = unlimit_memory(group->fd);
        if (group->limited & CGROUP_PIDS) {
                (void) cgroup_read_key(group->fd, "pids.events", "max", &refused);
                *ret_is_refused = refused > group->refused;
                r_pids = cgroup_write(group->fd, "pids.max", UINT64_MAX);
        }
        group->limited = 0;
        return r ? r : r_pids;
}
