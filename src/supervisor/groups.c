#include "supervisor/groups.h"

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

void groups_init(Groups *groups) {
        groups->cgroup = (Cgroup){.fd = -1};
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                groups->slots[slot] = (SlotGroup){.fd = -1};
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

void groups_take(Groups *groups) {
        char directory[CGROUP_PATH_SIZE];

        int r = cgroup_take(OWN_NAME, &groups->cgroup, directory);
        if (r) {
                log_refusal(r, directory);
                return;
        }
        unsigned n = cgroup_clear(&groups->cgroup, WORKER_PREFIX, CLEAR_USEC);
        if (n)
                log_notice("killing what an earlier supervisor left in %u control group%s", n,
                           n == 1 ? "" : "s");
        unsigned controllers = groups->cgroup.controllers;
        log_info("each worker has a control group in %s, %s", directory,
                 controllers == (CGROUP_MEMORY | CGROUP_PIDS) ? "for limits of memory and tasks"
                 : controllers & CGROUP_MEMORY                ? "for limits of memory only"
                 : controllers & CGROUP_PIDS                  ? "for limits of tasks only"
                                                              : "without limits: no controller is "
                                                                "delegated");
}

void groups_leave(Groups *groups) {
        char name[24];

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                if (groups->slots[slot].fd < 0)
                        continue;
                (void) close(groups->slots[slot].fd);
                groups->slots[slot].fd = -1;
                name_of(slot, name);
                cgroup_remove(&groups->cgroup, name);
        }
        cgroup_leave(&groups->cgroup, OWN_NAME);
}

static void read_counts(int fd, uint64_t *oom, uint64_t *oom_kill) {
        (void) cgroup_read_key(fd, "memory.events", "oom", oom);
        (void) cgroup_read_key(fd, "memory.events", "oom_kill", oom_kill);
}

WorkerGroup groups_worker(Groups *groups, unsigned slot) {
        SlotGroup *group = &groups->slots[slot];
        char name[24];

        if (groups->cgroup.fd >= 0 && group->fd < 0) {
                name_of(slot, name);
                group->fd = cgroup_open(&groups->cgroup, name);
                if (group->fd < 0)
                        log_info("no control group %s: %s", name, strerror(-group->fd));
        }
        if (group->fd < 0)
                return (WorkerGroup){.fd = -1};
        if (groups->cgroup.controllers & CGROUP_MEMORY)
                read_counts(group->fd, &group->oom, &group->oom_kill);
        return (WorkerGroup){.fd = group->fd, .controllers = groups->cgroup.controllers};
}

GroupKill groups_kill_of(const Groups *groups, unsigned slot) {
        const SlotGroup *group = &groups->slots[slot];
        uint64_t oom = group->oom, oom_kill = group->oom_kill;

        if (group->fd < 0 || !(groups->cgroup.controllers & CGROUP_MEMORY))
                return GROUP_KILL_UNKNOWN;
        read_counts(group->fd, &oom, &oom_kill);
        if (oom_kill <= group->oom_kill)
                return GROUP_KILL_NONE;
        return oom > group->oom ? GROUP_KILL_LIMIT : GROUP_KILL_MACHINE;
}

int groups_end(const Groups *groups, unsigned slot) {
        return groups->slots[slot].fd >= 0 && cgroup_end(groups->slots[slot].fd);
}

static void add_section(char *names, size_t size, const char *name) {
        (void) text_append(names, size, "%s[limits%s%s%s]", *names ? ", " : "", *name ? " \"" : "",
                           name, *name ? "\"" : "");
}

void groups_check_limits(const Groups *groups, const LimitTable *limits) {
        char names[512] = "";

        if (groups->cgroup.controllers & CGROUP_PIDS)
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
