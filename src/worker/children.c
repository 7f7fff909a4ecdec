#include "worker/children.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

#define DEADLINE_USEC (3 * USEC_PER_SEC)

void children_adopt(void) {
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Reaps what has ended; 1 when children are left. */
static int reap(int *n) {
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
                ++*n;
        return pid == 0;
}

/* Each thread has children of its own. */
static void kill_children_of(const char *thread) {
        char path[64];
        int pid;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", thread);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        while (fscanf(file, "%d", &pid) == 1)
                if (pid > 1)
                        (void) kill(pid, SIGKILL);
        (void) fclose(file);
}

static void kill_children(void) {
        DIR *threads = opendir("/proc/self/task");

        if (!threads)
                return;
        for (struct dirent *entry; (entry = readdir(threads));)
                if (entry->d_name[0] != '.')
                        kill_children_of(entry->d_name);
        (void) closedir(threads);
}

int children_end(void) {
        const struct timespec tick = {.tv_nsec = 1000000};
        usec_t end = usec_add(clock_now_usec(), DEADLINE_USEC);
        int n = 0;

        if (!reap(&n))
                return 0; /* those that had ended by themselves do not count */
        for (n = 0;;) {
                kill_children(); /* and the next time round, what they have left to us */
                (void) nanosleep(&tick, NULL);
                if (!reap(&n))
                        return n;
                if (clock_now_usec() >= end)
                        return -1;
        }
}
