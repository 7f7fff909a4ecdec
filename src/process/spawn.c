/*
 * libev's signal handlers and its self-pipe are inherited by a fork: without the reset here, a
 * worker would not die of SIGTERM, and would wake the supervisor through its pipe. All signals are
 * blocked across the fork, so that one for the child cannot be taken by the parent's handler.
 */
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/descriptors.h"
#include "util/error.h"
#include "util/macro.h"
#include "util/process.h"

#define KEEP_MAX 8

static int compare_fds(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

static void close_all_but(const int *keep, size_t n_keep) {
        int sorted[KEEP_MAX];
        size_t n = 0;
        unsigned from = STDERR_FILENO + 1;

        for (size_t i = 0; i < n_keep && n < KEEP_MAX; i++)
                if (keep[i] > STDERR_FILENO)
                        sorted[n++] = keep[i];
        qsort(sorted, n, sizeof(sorted[0]), compare_fds);
        for (size_t i = 0; i < n; i++) {
                if ((unsigned) sorted[i] > from)
                        descriptors_close(from, (unsigned) sorted[i] - 1);
                from = (unsigned) sorted[i] + 1;
        }
        descriptors_close(from, UINT_MAX);
}

/*
 * Only the signals that the parent handles: a blanket reset disarms the sanitizers' handlers. Not
 * those that a write of the log can raise (log_protect_jobs()): no job ends with the log's reader.
 */
static void reset_signals(void) {
        static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGQUIT, SIGUSR1, SIGUSR2};
        sigset_t none;

        for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
                (void) signal(handled[i], SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static void null_stdin(void) {
        int fd = open("/dev/null", O_RDONLY);
        if (fd > STDIN_FILENO) {
                (void) dup2(fd, STDIN_FILENO);
                (void) close(fd);
        }
}

static _Noreturn void run_child(pid_t parent, SpawnFn fn, void *arg, const int *keep,
                                size_t n_keep) {
        reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE); /* the parent died in between */
        if (setsid() < 0)
                _exit(EXIT_FAILURE);
        close_all_but(keep, n_keep); /* the supervisor's database socket too, without a goodbye */
        null_stdin();
        (void) unsetenv("NOTIFY_SOCKET"); /* nobody but the supervisor talks to systemd */
        (void) unsetenv("WATCHDOG_PID");
        (void) unsetenv("WATCHDOG_USEC");
        _exit(fn(arg));
}

/* Ignored, as whoever started us may have left it, the kernel would wait for children itself. */
static void heed_children(void) {
        struct sigaction action;

        if (!sigaction(SIGCHLD, NULL, &action) && action.sa_handler == SIG_IGN)
                (void) signal(SIGCHLD, SIG_DFL);
}

int spawn_child(SpawnFn fn, void *arg, const int *keep, size_t n_keep, pid_t *ret) {
        sigset_t all, before;
        pid_t parent = getpid();

        heed_children();
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        pid_t pid = fork();
        int error = pid < 0 ? errno : 0;
        if (pid == 0)
                run_child(parent, fn, arg, keep, n_keep);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        if (error)
                return error_origin(-error);
        *ret = pid;
        return 0;
}

int spawn_wait(pid_t pid, usec_t limit_usec, int *ret_status) {
        usec_t until = usec_add(clock_now_usec(), limit_usec);
        struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};
        int n = 0;

        for (usec_t now; end.fd >= 0 && !n && (now = clock_now_usec()) < until;) {
                n = poll(&end, 1, (int) ((until - now) / USEC_PER_MSEC) + 1);
                if (n < 0 && errno == EINTR)
                        n = 0;
        }
        closep(&end.fd);
        if (n <= 0)
                spawn_signal(pid, SIGKILL);
        while (waitpid(pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return error_origin(-errno);
        return n > 0 ? 0 : SPAWN_E_TIMEOUT;
}

Outcome spawn_outcome(int status) {
        if (WIFEXITED(status))
                return (Outcome){.kind = OUTCOME_EXITED, .value = WEXITSTATUS(status)};
        if (WIFSIGNALED(status))
                return (Outcome){.kind = OUTCOME_SIGNALED,
                                 .value = WTERMSIG(status),
                                 .has_core = WCOREDUMP(status)};
        return (Outcome){.kind = OUTCOME_UNKNOWN};
}

void spawn_signal(pid_t pid, int signal) {
        if (pid <= 1)
                return;
        (void) kill(-pid, signal);
        (void) kill(pid, signal);
}

pid_t spawn_ended(void) {
        siginfo_t info = {0};

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
                return -errno;
        return info.si_pid;
}

void spawn_reap(pid_t pid, int has_group, int *ret_status, struct rusage *ret_usage) {
        if (has_group)
                (void) kill(-pid, SIGKILL);
        (void) wait4(pid, ret_status, WNOHANG, ret_usage);
}
