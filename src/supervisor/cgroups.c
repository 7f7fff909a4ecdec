/*
 * A directory of control groups, handed over by systemd, with a cgroup for this process and one
 * for each slot that was ever used. The kernel ends what is in a cgroup, wherever it went; nobody
 * tells when the cgroup is empty, so that cgroups_end() is asked again until it is. Every failure
 * is a line in the log, and what serves without cgroups goes on beside them.
 */
#include "supervisor/cgroups.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "util/macro.h"
#include "util/text.h"

#define OWN_NAME "supervisor"
#define WORKER_PREFIX "worker-"
#define CLEAR_USEC (500 * USEC_PER_MSEC) /* nothing runs yet, and READY was not told */

static void name_of(unsigned slot, char name[24]) {
        (void) snprintf(name, 24, WORKER_PREFIX "%u", slot);
}

void cgroups_init(Cgroups *cgroups) {
        cgroups->cgroup = (Cgroup){.fd = -1};
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                cgroups->slots[slot] = (SlotCgroup){.fd = -1};
}

static void log_refusal(int r, const char *directory) {
        if (r == CGROUP_E_NONE || r == CGROUP_E_NOT_OURS)
                log_debug("no control groups for workers: none was delegated");
        else if (r == CGROUP_E_IN_USE)
                log_info("no control groups for workers: another supervisor uses %s", directory);
        else
                log_info("no control groups for workers: could not use %s: %s", directory,
                         strerror(-r));
}

void cgroups_take(Cgroups *cgroups) {
        char directory[CGROUP_PATH_SIZE];

        int r = cgroup_take(OWN_NAME, &cgroups->cgroup, directory);
        if (r) {
                log_refusal(r, directory);
                return;
        }
        unsigned n = cgroup_clear(&cgroups->cgroup, WORKER_PREFIX, CLEAR_USEC);
        if (n)
                log_notice("killing what an earlier supervisor left in %u control group%s", n,
                           n == 1 ? "" : "s");
        unsigned controllers = cgroups->cgroup.controllers;
        log_info("each worker has a control group in %s, %s", directory,
                 controllers == (CGROUP_MEMORY | CGROUP_PIDS) ? "for limits of memory and tasks"
                 : controllers & CGROUP_MEMORY                ? "for limits of memory only"
                 : controllers & CGROUP_PIDS                  ? "for limits of tasks only"
                                                              : "without limits: no controller is "
                                                                "delegated");
}

void cgroups_leave(Cgroups *cgroups) {
        char name[24];

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                if (cgroups->slots[slot].fd < 0)
                        continue;
                (void) close(cgroups->slots[slot].fd);
                cgroups->slots[slot].fd = -1;
                name_of(slot, name);
                cgroup_remove(&cgroups->cgroup, name);
        }
        cgroup_leave(&cgroups->cgroup, OWN_NAME);
}

static void read_counts(int fd, uint64_t *oom, uint64_t *oom_kill) {
        (void) cgroup_read_key(fd, "memory.events", "oom", oom);
        (void) cgroup_read_key(fd, "memory.events", "oom_kill", oom_kill);
}

WorkerCgroup cgroups_worker(Cgroups *cgroups, unsigned slot) {
        SlotCgroup *cgroup = &cgroups->slots[slot];
        char name[24];

        if (cgroups->cgroup.fd >= 0 && cgroup->fd < 0) {
                name_of(slot, name);
                cgroup->fd = cgroup_open(&cgroups->cgroup, name);
                if (cgroup->fd < 0)
                        log_info("no control group %s: %s", name, strerror(-cgroup->fd));
        }
        if (cgroup->fd < 0)
                return (WorkerCgroup){.fd = -1};
        if (cgroups->cgroup.controllers & CGROUP_MEMORY)
                read_counts(cgroup->fd, &cgroup->oom, &cgroup->oom_kill);
        return (WorkerCgroup){.fd = cgroup->fd, .controllers = cgroups->cgroup.controllers};
}

CgroupKill cgroups_kill_of(const Cgroups *cgroups, unsigned slot) {
        const SlotCgroup *cgroup = &cgroups->slots[slot];
        uint64_t oom = cgroup->oom, oom_kill = cgroup->oom_kill;

        if (cgroup->fd < 0 || !(cgroups->cgroup.controllers & CGROUP_MEMORY))
                return CGROUP_KILL_UNKNOWN;
        read_counts(cgroup->fd, &oom, &oom_kill);
        if (oom_kill <= cgroup->oom_kill)
                return CGROUP_KILL_NONE;
        return oom > cgroup->oom ? CGROUP_KILL_LIMIT : CGROUP_KILL_MACHINE;
}

int cgroups_end(const Cgroups *cgroups, unsigned slot) {
        return cgroups->slots[slot].fd >= 0 && cgroup_end(cgroups->slots[slot].fd);
}

static void add_section(char *names, size_t size, const char *name) {
        (void) text_append(names, size, "%s[limits%s%s%s]", *names ? ", " : "", *name ? " \"" : "",
                           name, *name ? "\"" : "");
}

void cgroups_check_limits(const Cgroups *cgroups, const LimitTable *limits) {
        char names[512] = "";

        if (cgroups->cgroup.controllers & CGROUP_PIDS)
                return;
        if (limits->general.tasks)
                add_section(names, sizeof(names), "");
        for (size_t i = 0; i < limits->n; i++)
                if (limits->overrides[i].given & LIMIT_TASKS && limits->overrides[i].limits.tasks)
                        add_section(names, sizeof(names), limits->overrides[i].name);
        if (!*names)
                return;
        LogFields fields = {.hint = "the unit needs Delegate=memory pids, and "
                                    "ProtectControlGroups=no"};
        log_write(LOG_NOTICE, &fields,
                  "tasks of %s is not enforced: there are no control groups that could", names);
}
