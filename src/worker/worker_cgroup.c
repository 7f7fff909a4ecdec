/*
 * Limits are written as what is used now and so much more, because a cgroup belongs to its slot and
 * keeps what was charged to it. A file that the kernel does not have limits nobody.
 */
#include "worker/worker_cgroup.h"

#include <errno.h>

#include "util/cgroup.h"

/* Another `more` than is used now. */
static int allow_more(int cgroup, const char *current, const char *max, uint64_t more) {
        uint64_t used;
        int r = cgroup_read(cgroup, current, &used);
        return r ? r : cgroup_write(cgroup, max, cgroup_text_max(used, more));
}

/*
 * All of the cgroup ends when its memory does: a job that goes on without one of its processes is
 * not to be told from one that is well. There is no file for swap where that is not counted.
 */
static int limit_memory(int cgroup, uint64_t bytes) {
        int r = cgroup_write(cgroup, "memory.oom.group", 1);
        if (!r)
                r = allow_more(cgroup, "memory.swap.current", "memory.swap.max", 0);
        if (!r || r == -ENOENT)
                r = allow_more(cgroup, "memory.current", "memory.max", bytes);
        return r;
}

static int unlimit_memory(int cgroup) {
        int r = cgroup_write(cgroup, "memory.max", UINT64_MAX);
        (void) cgroup_write(cgroup, "memory.swap.max", UINT64_MAX);
        (void) cgroup_write(cgroup, "memory.oom.group", 0);
        return r;
}

/* What is not there binds nobody. */
static int lift_limit(int cgroup, const char *file, uint64_t value) {
        int r = cgroup_write(cgroup, file, value);
        return r == -ENOENT ? 0 : r;
}

/*
 * The limits of a job that died with its worker, and whatever a plugin has written into its cgroup
 * itself: frozen, or without memory, whoever joins it would not come as far as to change that.
 */
static int lift_everything(const WorkerCgroup *cgroup) {
        int r = lift_limit(cgroup->fd, "cgroup.freeze", 0);

        if (!r && cgroup->controllers & CGROUP_MEMORY) {
                r = lift_limit(cgroup->fd, "memory.high", UINT64_MAX);
                int r_max = unlimit_memory(cgroup->fd);
                r = r || r_max == -ENOENT ? r : r_max;
        }
        if (!r && cgroup->controllers & CGROUP_PIDS)
                r = lift_limit(cgroup->fd, "pids.max", UINT64_MAX);
        return r;
}

int worker_cgroup_join(WorkerCgroup *cgroup) {
        int r = lift_everything(cgroup);
        return r ? r : cgroup_join(cgroup->fd);
}

int worker_cgroup_limit(WorkerCgroup *cgroup, const Limits *limits) {
        int r = 0;

        if (limits->memory_bytes && cgroup->controllers & CGROUP_MEMORY) {
                cgroup->limited |= CGROUP_MEMORY;
                r = limit_memory(cgroup->fd, limits->memory_bytes);
        }
        if (limits->tasks && cgroup->controllers & CGROUP_PIDS) {
                cgroup->limited |= CGROUP_PIDS;
                cgroup->refused = 0;
                (void) cgroup_read_key(cgroup->fd, "pids.events", "max", &cgroup->refused);
                int r_pids = allow_more(cgroup->fd, "pids.current", "pids.max", limits->tasks);
                r = r ? r : r_pids;
        }
        return r;
}

int worker_cgroup_unlimit(WorkerCgroup *cgroup, int *ret_is_refused) {
        uint64_t refused = cgroup->refused;
        int r = 0, r_pids = 0;

        *ret_is_refused = 0;
        if (cgroup->limited & CGROUP_MEMORY)
                r = unlimit_memory(cgroup->fd);
        if (cgroup->limited & CGROUP_PIDS) {
                (void) cgroup_read_key(cgroup->fd, "pids.events", "max", &refused);
                *ret_is_refused = refused > cgroup->refused;
                r_pids = cgroup_write(cgroup->fd, "pids.max", UINT64_MAX);
        }
        cgroup->limited = 0;
        return r ? r : r_pids;
}
