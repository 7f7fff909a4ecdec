/*
 * The wills lie in this process; the child has its copy by the fork, and answers over a channel
 * that is read when it has ended. Nothing of a settler has to be kept: a will that was not carried
 * out is written again by the next look at the other supervisors.
 */
#include "supervisor/settler.h"

#include <signal.h>
#include <unistd.h>

#include "process/spawn.h"
#include "util/macro.h"

int settler_add(Settler *settler, const Will *will) {
        if (settler->pid || settler->n == SETTLER_WILLS_MAX)
                return 0;
        settler->wills[settler->n++] = *will;
        return 1;
}

int settler_fork(Settler *settler, const WorkerSettings *settings, int tells_failed,
                 usec_t now_usec) {
        int ends[2];

        if (settler->pid || !settler->n)
                return 0;
        int r = channel_new(ends);
        if (!r) {
                SettlerArgs args = {.settings = settings,
                                    .channel = ends[1],
                                    .wills = settler->wills,
                                    .n = settler->n,
                                    .tells_failed = tells_failed};
                const int keep[] = {ends[1], settings->log_fd};
                r = spawn_child(settler_main, &args, keep, ARRAY_SIZE(keep), &settler->pid);
                (void) close(ends[1]);
                if (r)
                        (void) close(ends[0]);
        }
        if (r) {
                settler->pid = 0;
                settler->n = 0; /* found again by the next look */
                return r;
        }
        settler->channel = ends[0];
        settler->deadline_usec = usec_add(now_usec, settings->start_usec);
        return 0;
}

usec_t settler_check(const Settler *settler, usec_t now_usec) {
        if (!settler->pid)
                return USEC_INFINITY;
        if (now_usec < settler->deadline_usec)
                return settler->deadline_usec;
        spawn_signal(settler->pid, SIGKILL);
        return USEC_INFINITY;
}

int settler_receive(Settler *settler, ChannelMessage *ret, const Will **ret_will) {
        while (!channel_receive(settler->channel, ret)) {
                int is_settled = ret->type == CHANNEL_SETTLED && ret->will < settler->n;
                *ret_will = is_settled ? &settler->wills[ret->will] : NULL;
                if (is_settled || ret->type == CHANNEL_FAILED)
                        return 1;
        }
        return 0;
}

void settler_clear(Settler *settler) {
        (void) close(settler->channel);
        settler->pid = 0;
        settler->n = 0;
}
