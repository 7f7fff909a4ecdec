#include "supervisor/reaper.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "util/log.h"
#include "util/process.h"

#define ORPHANS_MAX 512 /* killed at a time; their own children come next */

/* Those that we have and do not know; more may come while they die. */
static void kill_orphans(Reaper *reaper) {
        pid_t pids[ORPHANS_MAX];
        size_t n = process_children(pids, ORPHANS_MAX), orphans = 0;

        for (size_t i = 0; i < n; i++) {
                if (reaper->events.is_known(pids[i], reaper->events.userdata))
                        continue;
                (void) kill(pids[i], SIGKILL);
                orphans++;
        }
        if (orphans && !reaper->orphans)
                log_notice("killing %zu processes that a dead worker left behind", orphans);
        reaper->orphans = orphans;
}

/*
 * The next child that has ended, or 0. It keeps its number until it is waited for: its process
 * group can be nobody else's.
 */
static pid_t reap(int *ret_status, struct rusage *ret_usage) {
        siginfo_t info = {0};

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
                return 0;
        (void) kill(-info.si_pid, SIGKILL);
        return wait4(info.si_pid, ret_status, WNOHANG, ret_usage) > 0 ? info.si_pid : 0;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events) {
        Reaper *reaper = signal->data;
        int had_orphans = reaper->orphans > 0, status = 0;
        struct rusage usage;
        pid_t pid;
        (void) loop;
        (void) events;

        while ((pid = reap(&status, &usage))) {
                kill_orphans(reaper);
                had_orphans |= reaper->orphans > 0;
                reaper->events.on_child(pid, status, &usage, reaper->events.userdata);
        }
        if (had_orphans && !reaper->orphans)
                reaper->events.on_orphans_gone(reaper->events.userdata);
}

void reaper_init(Reaper *reaper, struct ev_loop *loop, const ReaperEvents *events) {
        *reaper = (Reaper){.loop = loop, .events = *events};
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
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
