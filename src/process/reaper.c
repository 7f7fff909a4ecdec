#include "process/reaper.h"

#include <signal.h>
#include <unistd.h>

#include "process/spawn.h"
#include "util/ids.h"
#include "util/log.h"
#include "util/process.h"

#define ORPHANS_MAX 512 /* killed at a time; their own children come next */

/*
 * The first process of a container is given whatever loses its parent there, and cannot tell a
 * plugin's from others.
 */
static int may_kill_orphans(void) {
        return getpid() != 1;
}

/* Those that we have and do not know; more may come while they die. */
static void kill_orphans(Reaper *reaper, const pid_t *known, size_t n_known) {
        pid_t pids[ORPHANS_MAX];
        size_t n = may_kill_orphans() ? process_children(pids, ORPHANS_MAX) : 0, orphans = 0;

        for (size_t i = 0; i < n; i++) {
                if (ids_have(known, n_known, pids[i]) ||
                    strangers_have(&reaper->strangers, pids[i]))
                        continue;
                (void) kill(pids[i], SIGKILL);
                orphans++;
        }
        if (orphans && !reaper->orphans)
                log_notice("killing %zu processes that a dead worker left behind", orphans);
        reaper->orphans = orphans;
}

/*
 * What a stranger leaves is strange as well. Workers adopt what their plugins leave, so that before
 * one of them dies nothing else comes to us.
 */
static void note_strangers(Reaper *reaper, const pid_t *known, size_t n_known) {
        Strangers *strangers = &reaper->strangers;
        size_t n = 0;

        if (reaper->orphans)
                return;
        strangers_note(strangers);
        for (size_t i = 0; i < strangers->n; i++)
                if (!ids_have(known, n_known, strangers->pids[i]))
                        strangers->pids[n++] = strangers->pids[i];
        strangers->n = n;
}

int reaper_next(Reaper *reaper, const pid_t *known, size_t n_known, Death *ret) {
        while ((ret->pid = spawn_ended()) > 0) {
                /* Only of ours: a stranger's group may be anything. */
                spawn_reap(ret->pid, ids_have(known, n_known, ret->pid), &ret->wait_status,
                           &ret->usage);
                if (strangers_forget(&reaper->strangers, ret->pid)) {
                        note_strangers(reaper, known, n_known);
                        continue;
                }
                kill_orphans(reaper, known, n_known);
                return 1;
        }
        return 0;
}

void reaper_init(Reaper *reaper) {
        *reaper = (Reaper){0};
        strangers_note(&reaper->strangers);
        children_adopt();
}

int reaper_has_orphans(const Reaper *reaper) {
        return reaper->orphans > 0;
}
