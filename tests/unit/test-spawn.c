/* A child's first steps, with real forks: what it inherits, and what it must not. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/spawn.h"
#include "util/process.h"
#include "util/writer.h"

static int wait_for(pid_t pid) {
        int status = 0;
        while (waitpid(pid, &status, 0) < 0)
                assert_int_equal(errno, EINTR);
        return status;
}

/* The exit code of a child that ran `fn`. */
static int code_of(SpawnFn fn, void *arg, const int *keep, size_t n_keep) {
        pid_t pid = 0;
        assert_int_equal(spawn_child(fn, arg, keep, n_keep, &pid), 0);
        int status = wait_for(pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int return_arg(void *arg) {
        return *(int *) arg;
}

static void test_exit_code(void **state) {
        int code = 42;

        (void) state;
        assert_int_equal(code_of(return_arg, &code, NULL, 0), 42);
}

static void on_signal(int signal) {
        (void) signal;
}

static int check_signals(void *arg) {
        static const int signals[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1};
        sigset_t mask;

        (void) arg;
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
                struct sigaction action;
                if (sigaction(signals[i], NULL, &action) < 0 || action.sa_handler != SIG_DFL)
                        return 10 + (int) i;
        }
        if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0)
                return 2;
        for (int i = 1; i < NSIG; i++)
                if (sigismember(&mask, i) == 1)
                        return 100 + i;
        return 0;
}

static void test_signals(void **state) {
        static const int signals[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1};
        sigset_t blocked, after;

        (void) state;
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                (void) signal(signals[i], i % 2 ? SIG_IGN : on_signal);
        (void) sigemptyset(&blocked);
        (void) sigaddset(&blocked, SIGTERM);
        (void) sigprocmask(SIG_SETMASK, &blocked, NULL);
        assert_int_equal(code_of(check_signals, NULL, NULL, 0), 0);
        (void) sigprocmask(SIG_SETMASK, NULL, &after);
        assert_int_equal(sigismember(&after, SIGTERM), 1); /* the parent's own is as before */
        assert_int_equal(sigismember(&after, SIGINT), 0);
        (void) sigemptyset(&blocked);
        (void) sigprocmask(SIG_SETMASK, &blocked, NULL);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                (void) signal(signals[i], SIG_DFL);
}

static int check_ignored(void *arg) {
        const int *number = arg;
        struct sigaction action;
        return sigaction(*number, NULL, &action) == 0 && action.sa_handler == SIG_IGN ? 0 : 1;
}

/* The log's reader may go: no child ends with it. */
static void test_signals_of_writes(void **state) {
        int numbers[] = {SIGPIPE, SIGXFSZ, SIGTTOU};

        (void) state;
        writer_prepare();
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                assert_int_equal(code_of(check_ignored, &numbers[i], NULL, 0), 0);
                (void) signal(numbers[i], SIG_DFL);
        }
}

static int check_session(void *arg) {
        (void) arg;
        return getsid(0) == getpid() && getpgrp() == getpid() ? 0 : 1;
}

static void test_session(void **state) {
        (void) state;
        assert_int_equal(code_of(check_session, NULL, NULL, 0), 0);
}

static int check_environment(void *arg) {
        (void) arg;
        if (getenv("NOTIFY_SOCKET") || getenv("WATCHDOG_PID") || getenv("WATCHDOG_USEC"))
                return 1;
        return getenv("RJ_TEST_STAYS") ? 0 : 2;
}

static void test_environment(void **state) {
        (void) state;
        (void) setenv("NOTIFY_SOCKET", "/nowhere", 1);
        (void) setenv("WATCHDOG_USEC", "1", 1);
        (void) setenv("WATCHDOG_PID", "1", 1);
        (void) setenv("RJ_TEST_STAYS", "1", 1);
        assert_int_equal(code_of(check_environment, NULL, NULL, 0), 0);
        (void) unsetenv("NOTIFY_SOCKET");
        (void) unsetenv("WATCHDOG_USEC");
        (void) unsetenv("WATCHDOG_PID");
}

typedef struct Fds {
        int open[6];
        int is_kept[6];
} Fds;

static int check_fds(void *arg) {
        const Fds *fds = arg;
        char byte;

        for (int i = 0; i < 6; i++)
                if ((fcntl(fds->open[i], F_GETFD) >= 0) != fds->is_kept[i])
                        return 10 + i;
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        return 20 + fd;
        for (int fd = 3; fd < 1024; fd++) {
                int is_kept = 0;
                for (int i = 0; i < 6; i++)
                        is_kept |= fds->open[i] == fd && fds->is_kept[i];
                if (!is_kept && fcntl(fd, F_GETFD) >= 0)
                        return 30;
        }
        return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 40; /* /dev/null, not the parent's */
}

static void test_descriptors(void **state) {
        static const int kept[][6] = {
                {0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1}, {0, 1, 0, 0, 1, 0},
                {1, 0, 0, 0, 0, 1}, {0, 0, 1, 1, 0, 0}, {0, 0, 0, 0, 0, 1},
        };

        (void) state;
        for (size_t row = 0; row < sizeof(kept) / sizeof(kept[0]); row++) {
                Fds fds;
                int keep[8] = {-1, -1, -1, -1, -1, -1, -1, STDERR_FILENO};
                for (int i = 0; i < 6; i++) {
                        fds.open[i] = fcntl(STDERR_FILENO, F_DUPFD, 40 + 3 * i);
                        assert_true(fds.open[i] >= 0);
                        fds.is_kept[i] = kept[row][i];
                        if (kept[row][i])
                                keep[5 - i] = fds.open[i]; /* in any order */
                }
                assert_int_equal(code_of(check_fds, &fds, keep, 8), 0);
                for (int i = 0; i < 6; i++)
                        (void) close(fds.open[i]);
        }
}

static int sleep_forever(void *arg) {
        (void) arg;
        (void) alarm(30); /* also when an assertion fails */
        while (pause())
                ;
        return 0;
}

/* A descriptor that the grandchild keeps reaches its end when the grandchild is gone. */
static void test_dies_with_its_parent(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        pid_t parent = fork();
        if (!parent) {
                pid_t child = 0;
                (void) close(fds[0]);
                if (spawn_child(sleep_forever, NULL, &fds[1], 1, &child))
                        _exit(1);
                if (write(fds[1], "x", 1) != 1)
                        _exit(2);
                _exit(sleep_forever(NULL));
        }
        (void) close(fds[1]);
        char byte;
        assert_int_equal(read(fds[0], &byte, 1), 1);
        struct pollfd fd = {.fd = fds[0], .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 100), 0); /* both live */
        assert_int_equal(kill(parent, SIGKILL), 0);
        (void) wait_for(parent);
        assert_int_equal(poll(&fd, 1, 10000), 1);
        assert_int_equal(read(fds[0], &byte, 1), 0);
        (void) close(fds[0]);
}

static int spawn_grandchild(void *arg) {
        if (!fork())
                _exit(sleep_forever(NULL));
        if (write(*(int *) arg, "x", 1) != 1)
                return 2;
        return sleep_forever(NULL);
}

static void test_signal_reaches_the_group(void **state) {
        int fds[2], signals[] = {SIGTERM, SIGKILL};

        (void) state;
        for (int i = 0; i < 2; i++) {
                pid_t pid = 0;
                char byte;
                assert_int_equal(pipe(fds), 0);
                assert_int_equal(spawn_child(spawn_grandchild, &fds[1], &fds[1], 1, &pid), 0);
                (void) close(fds[1]);
                assert_int_equal(read(fds[0], &byte, 1), 1);
                spawn_signal(pid, signals[i]);
                Outcome outcome = spawn_outcome(wait_for(pid));
                assert_int_equal(outcome.kind, OUTCOME_SIGNALED);
                assert_int_equal(outcome.value, signals[i]);
                struct pollfd fd = {.fd = fds[0], .events = POLLIN};
                assert_int_equal(poll(&fd, 1, 10000), 1);
                assert_int_equal(read(fds[0], &byte, 1), 0); /* the last holder is gone */
                (void) close(fds[0]);
        }
}

/* 0 would be everybody in the caller's own group. */
static int signal_nobody(void *arg) {
        (void) arg;
        spawn_signal(0, SIGKILL);
        return 7;
}

static void test_signal_to_nobody(void **state) {
        (void) state;
        assert_int_equal(code_of(signal_nobody, NULL, NULL, 0), 7);
}

static int pause_long(void *arg) {
        (void) arg;
        (void) alarm(30); /* also when an assertion fails */
        (void) pause();
        return 0;
}

/* A process that cannot be looked at is not taken for gone, and looking at one does not end it. */
static void test_life_of_the_unknown(void **state) {
        struct rlimit before, none;
        int64_t ticks;
        pid_t pid;

        (void) state;
        assert_int_equal(spawn_child(pause_long, NULL, NULL, 0, &pid), 0);
        assert_int_equal(process_start_ticks(pid, &ticks), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        ProcessLife r = process_led_life(pid, ticks);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(r, PROCESS_UNKNOWN);
        /* Another process has the number. */
        assert_int_equal(process_led_life(pid, ticks + 1), PROCESS_GONE);
        assert_int_equal(process_led_life(pid, ticks), PROCESS_ALIVE);
        assert_int_equal(spawn_ended(), 0);
        spawn_signal(pid, SIGKILL);
        assert_int_equal(spawn_outcome(wait_for(pid)).value, SIGKILL);
        assert_int_equal(process_led_life(pid, ticks), PROCESS_GONE);
        assert_int_equal(process_led_life(1, ticks), PROCESS_GONE);
        assert_int_equal(spawn_ended(), -ECHILD);
}

/* One that leaves a process in its group. */
static int leave_one(void *arg) {
        const int *fd = arg;
        if (!fork()) {
                if (write(*fd, "", 1) == 1)
                        (void) pause_long(NULL);
                _exit(0);
        }
        return 5;
}

static void test_reap(void **state) {
        int status = 0, fds[2];
        struct rusage usage;
        pid_t pid, ended;
        char byte;

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(spawn_child(leave_one, &fds[1], &fds[1], 1, &pid), 0);
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        while (!(ended = spawn_ended()))
                (void) usleep(1000);
        assert_int_equal(ended, pid);
        assert_int_equal(spawn_ended(), pid); /* until it is waited for */
        spawn_reap(pid, 1, &status, &usage);
        assert_int_equal(WEXITSTATUS(status), 5);
        assert_int_equal(spawn_ended(), -ECHILD);
        struct pollfd fd = {.fd = fds[0], .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 10000), 1);
        assert_int_equal(read(fds[0], &byte, 1), 0); /* the group is gone */
        (void) close(fds[0]);
}

/* What a dead process has left of its group counts, as long as the number is nobody else's. */
static void test_life_of_a_group(void **state) {
        int fds[2], status = 0;
        struct rusage usage;
        int64_t ticks;
        pid_t pid;
        char byte;

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(spawn_child(leave_one, &fds[1], &fds[1], 1, &pid), 0);
        (void) close(fds[1]);
        assert_int_equal(process_start_ticks(pid, &ticks), 0);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        while (!spawn_ended())
                (void) usleep(1000);
        assert_int_equal(process_life(pid, ticks), PROCESS_GONE);
        assert_int_equal(process_led_life(pid, ticks), PROCESS_ALIVE);
        spawn_reap(pid, 0, &status, &usage);
        assert_int_equal(process_led_life(pid, ticks), PROCESS_ALIVE);
        (void) kill(-pid, SIGKILL);
        struct pollfd fd = {.fd = fds[0], .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 10000), 1);
        (void) close(fds[0]);
        while (process_led_life(pid, ticks) == PROCESS_ALIVE)
                (void) usleep(1000);
}

static void test_outcomes(void **state) {
        static const struct {
                int status;
                Outcome outcome;
        } rows[] = {
                {0, {OUTCOME_EXITED, 0, 0, 0}},
                {78 << 8, {OUTCOME_EXITED, 78, 0, 0}},
                {SIGKILL, {OUTCOME_SIGNALED, SIGKILL, 0, 0}},
                {SIGSEGV | 0x80, {OUTCOME_SIGNALED, SIGSEGV, 1, 0}},
                {0x137f, {OUTCOME_UNKNOWN, 0, 0, 0}}, /* stopped */
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Outcome outcome = spawn_outcome(rows[i].status);
                assert_int_equal(outcome.kind, rows[i].outcome.kind);
                assert_int_equal(outcome.value, rows[i].outcome.value);
                assert_int_equal(outcome.has_core != 0, rows[i].outcome.has_core);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exit_code),
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_signals_of_writes),
                cmocka_unit_test(test_session),
                cmocka_unit_test(test_environment),
                cmocka_unit_test(test_descriptors),
                cmocka_unit_test(test_dies_with_its_parent),
                cmocka_unit_test(test_signal_reaches_the_group),
                cmocka_unit_test(test_signal_to_nobody),
                cmocka_unit_test(test_life_of_the_unknown),
                cmocka_unit_test(test_reap),
                cmocka_unit_test(test_life_of_a_group),
                cmocka_unit_test(test_outcomes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
