#include "supervisor/reaper.h"

#include <signal.h>
#include <unistd.h>

#include "util/log.h"
#include "util/process.h"
#include "worker/spawn.h"

#define ORPHANS_MAX 512 /* killed at a time; their own children come next */

/*
 * The first process of a container is given whatever loses its parent there, and cannot tell a
 * plugin's from others.
 */
static int may_kill_orphans(void) {
        return getpid() != 1;
}

/* Those that we have and do not know; more may come while they die. */
static void kill_orphans(Reaper *reaper) {
        pid_t pids[ORPHANS_MAX];
        size_t n = may_kill_orphans() ? process_children(pids, ORPHANS_MAX) : 0, orphans = 0;

        for (size_t i = 0; i < n; i++) {
                if (reaper->events.is_known(pids[i], reaper->events.userdata) ||
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
static void on_stranger(Reaper *reaper) {
        Strangers *strangers = &reaper->strangers;
        size_t n = 0;

        if (reaper->orphans)
                return;
        strangers_note(strangers);
        for (size_t i = 0; i < strangers->n; i++)
                if (!reaper->events.is_known(strangers->pids[i], reaper->events.userdata))
                        strangers->pids[n++] = strangers->pids[i];
        strangers->n = n;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events) {
        Reaper *reaper = signal->data;
        int had_orphans = reaper->orphans > 0, status = 0;
        struct rusage usage;
        pid_t pid;
        (void) loop;
        (void) events;

        while ((pid = spawn_ended()) > 0) {
                /* Only of ours: a stranger's group may be anything. */
                int is_ours = reaper->events.is_known(pid, reaper->events.userdata);
                spawn_reap(pid, is_ours, &status, &usage);
                if (strangers_forget(&reaper->strangers, pid)) {
                        on_stranger(reaper);
                        continue;
                }
                kill_orphans(reaper);
                had_orphans |= reaper->orphans > 0;
                reaper->events.on_child(pid, status, &usage, reaper->events.userdata);
        }
        if (had_orphans && !reaper->orphans)
                reaper->events.on_orphans_gone(reaper->events.userdata);
}

void reaper_init(Reaper *reaper, struct ev_loop *loop, const ReaperEvents *events) {
        *reaper = (Reaper){.loop = loop, .events = *events};
        strangers_note(&reaper->strangers);
        children_adopt();
        ev_signal_init(&reaper->signal, on_signal, SIGCHLD);
        reaper->signal.data = reaper;
        ev_signal_start(loop, &reaper->signal);
}

void reaper_done(Reaper *reaper) {
        if (reaper->loop)
                ev_signal_stop(reaper->loop, &reaper->signal);
}

int reaper_has_orphans(const Reaper *reaper) {
        return reaper->orphans > 0;
}
