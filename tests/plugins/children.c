/* Acts that leave processes behind. Each child ends by itself in the end: SIGALRM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"

#define LIFE_S 300

static _Noreturn void live(void) {
        (void) alarm(LIFE_S);
        chaos_sleep();
}

static void ignore_all(void) {
        for (int i = 1; i < NSIG; i++)
                if (i != SIGALRM)
                        (void) signal(i, SIG_IGN);
}

/* How the child turns into what is left; it may end. */
typedef void Become(const Chaos *chaos);

static int leave(const Chaos *chaos, Become *become, int is_awaited) {
        for (int64_t i = 0; i < chaos->value; i++) {
                pid_t pid = fork();
                if (pid < 0) {
                        chaos_say(chaos, "could not fork");
                        return RJ_FAILED;
                }
                if (pid == 0) {
                        become(chaos);
                        live();
                }
                if (!is_awaited)
                        chaos_mark(chaos, pid);
                else if (waitpid(pid, NULL, 0) < 0 && errno != ECHILD)
                        return RJ_FAILED;
        }
        return RJ_OK;
}

static void stay(const Chaos *chaos) {
        (void) chaos;
}

static void resist(const Chaos *chaos) {
        (void) chaos;
        ignore_all();
}

/* The PID is written before the parent ends: whoever waits for that can rely on it. */
static void become_orphan(const Chaos *chaos) {
        pid_t pid = fork();

        if (pid == 0)
                live();
        chaos_mark(chaos, pid);
        _exit(EXIT_SUCCESS);
}

static void become_daemon(const Chaos *chaos) {
        if (setsid() < 0)
                _exit(EXIT_FAILURE);
        pid_t pid = fork();

        if (pid == 0) {
                ignore_all();
                (void) setpgid(0, 0);
                live();
        }
        chaos_mark(chaos, pid);
        _exit(EXIT_SUCCESS);
}

/* Whoever kills what he has found has not seen all of them. */
static void multiply(const Chaos *chaos) {
        pid_t pid = fork();

        if (pid > 0) {
                chaos_mark(chaos, pid);
                _exit(EXIT_SUCCESS);
        }
        (void) setsid();
        for (int64_t i = 0; i < chaos->value; i++) {
                chaos_sleep_ms(10);
                pid = fork();
                if (pid == 0) {
                        (void) setsid();
                        live();
                }
                chaos_mark(chaos, pid);
        }
}

int act_fork_children(const Chaos *chaos) {
        return leave(chaos, stay, 0);
}

int act_fork_stubborn(const Chaos *chaos) {
        return leave(chaos, resist, 0);
}

int act_fork_orphans(const Chaos *chaos) {
        return leave(chaos, become_orphan, 1);
}

int act_fork_session(const Chaos *chaos) {
        return leave(chaos, become_daemon, 1);
}

int act_fork_again(const Chaos *chaos) {
        pid_t pid = fork();

        if (pid < 0)
                return RJ_FAILED;
        if (pid == 0) {
                multiply(chaos);
                live();
        }
        return waitpid(pid, NULL, 0) < 0 && errno != ECHILD ? RJ_FAILED : RJ_OK;
}

/* Neither gone nor a zombie. */
static int is_alive(int pid) {
        char path[64], line[512];

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        FILE *file = fopen(path, "re");
        if (!file)
                return 0;
        char *state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
        (void) fclose(file);
        return state && strlen(state) > 2 && state[2] != 'Z' && state[2] != 'X';
}

int act_witness(const Chaos *chaos) {
        FILE *file = chaos->path ? fopen(chaos->path, "re") : NULL;
        int n = 0, n_alive = 0;
        char line[32];

        while (file && fgets(line, sizeof(line), file)) {
                n++;
                n_alive += is_alive(atoi(line));
        }
        if (file)
                (void) fclose(file);
        chaos_say(chaos, "%d of %d live", n_alive, n);
        return n_alive || !n ? RJ_FAILED : RJ_OK;
}
