#include "process/children.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/process.h"

#define DEADLINE_USEC (3 * USEC_PER_SEC)
#define CHILDREN_MAX 512 /* killed at a time */

void children_adopt(void) {
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Where every child is ours one system call does it. */
static int reap_any(int *n) {
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
                ++*n;
        return pid == 0;
}

/*
 * Reaps what has ended of ours, and counts it; 1 when children of ours are left. How a stranger has
 * ended is somebody else's to hear, and its number is not free before.
 */
static int reap(const Strangers *strangers, int *n) {
        pid_t pids[CHILDREN_MAX];
        int is_left = 0;

        if (!strangers->n)
                return reap_any(n);
        size_t count = process_children(pids, CHILDREN_MAX);
        for (size_t i = 0; i < count; i++) {
                if (strangers_have(strangers, pids[i]))
                        continue;
                if (waitpid(pids[i], NULL, WNOHANG | __WALL) > 0)
                        ++*n;
                else
                        is_left = 1;
        }
        return is_left;
}

static void kill_children(const Strangers *strangers) {
        pid_t pids[CHILDREN_MAX];
        size_t n = process_children(pids, CHILDREN_MAX);

        for (size_t i = 0; i < n; i++)
                if (!strangers_have(strangers, pids[i]))
                        (void) kill(pids[i], SIGKILL);
}

int children_end_but(const Strangers *strangers) {
        const struct timespec tick = {.tv_nsec = 1000000};
        usec_t end = usec_add(clock_now_usec(), DEADLINE_USEC);
        int n = 0;

        if (!reap(strangers, &n))
                return 0; /* those that had ended by themselves do not count */
        for (n = 0;;) {
                /* And the next time round, what they have left to us. */
                kill_children(strangers);
                (void) nanosleep(&tick, NULL);
                if (!reap(strangers, &n))
                        return n;
                if (clock_now_usec() >= end)
                        return -1;
        }
}

int children_end(void) {
        return children_end_but(&(Strangers){.n = 0});
}

void strangers_note(Strangers *strangers) {
        strangers->n = process_children(strangers->pids, STRANGERS_MAX);
}

int strangers_have(const Strangers *strangers, pid_t pid) {
        for (size_t i = 0; i < strangers->n; i++)
                if (strangers->pids[i] == pid)
                        return 1;
        return 0;
}

int strangers_forget(Strangers *strangers, pid_t pid) {
        for (size_t i = 0; i < strangers->n; i++)
                if (strangers->pids[i] == pid) {
                        strangers->pids[i] = strangers->pids[--strangers->n];
                        return 1;
                }
        return 0;
}
