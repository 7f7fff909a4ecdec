/* What a plugin leaves is found and put back; what costs every job is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/children.h"
#include "process/spawn.h"
#include "util/clock.h"
#include "util/macro.h"
#include "worker/residue.h"

/* One bad habit, and what is said of it; "" for nothing. */
typedef struct Habit {
        const char *name;
        void (*act)(void);
        const char *words;
} Habit;

static void nothing(void) {
}

static void change_directory(void) {
        (void) !chdir("/tmp");
}

static void remove_directory(void) {
        char path[] = "/tmp/rj-test-residue-XXXXXX";
        (void) !mkdtemp(path);
        (void) !chdir(path);
        (void) rmdir(path);
}

static void change_umask(void) {
        (void) umask(0777);
}

static void set_variable(void) {
        (void) setenv("RJ_TEST", "x", 1);
}

static void change_variable(void) {
        (void) setenv("RJ_TEST_THERE", "other", 1);
}

static void clear_variables(void) {
        (void) clearenv();
}

static void change_locale(void) {
        (void) setlocale(LC_ALL, "C.UTF-8");
}

static void use_locale(void) {
        (void) uselocale(newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t) 0));
}

static void ignore_signal(void) {
        (void) signal(SIGTERM, SIG_IGN);
        (void) signal(SIGCHLD, SIG_IGN);
}

static void block_signals(void) {
        sigset_t all;
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, NULL);
        (void) raise(SIGUSR1); /* waits behind the mask, and would end us */
        (void) raise(SIGALRM);
}

static void set_alarm(void) {
        (void) alarm(1);
}

static void make_timers(void) {
        timer_t timer, gone;
        struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};

        (void) signal(SIGUSR2, SIG_IGN);
        (void) timer_create(CLOCK_MONOTONIC, &event, &timer);
        (void) timer_create(CLOCK_MONOTONIC, &event, &gone);
        (void) timer_settime(timer, 0, &soon, NULL);
        (void) timer_delete(gone);
        (void) signal(SIGUSR2, SIG_DFL);
}

static void delete_timer(void) {
        timer_t timer;
        (void) timer_create(CLOCK_MONOTONIC, NULL, &timer);
        (void) timer_delete(timer);
}

static void change_limit(void) {
        struct rlimit limit;
        (void) getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = 10;
        (void) setrlimit(RLIMIT_FSIZE, &limit);
}

static void be_nice(void) {
        (void) !nice(1);
}

static void *sleep_for_ever(void *arg) {
        for (;;)
                (void) pause();
        return arg;
}

static void *end_at_once(void *arg) {
        return arg;
}

static void leave_threads(void) {
        pthread_t thread;
        (void) pthread_create(&thread, NULL, sleep_for_ever, NULL);
        (void) pthread_create(&thread, NULL, sleep_for_ever, NULL);
}

static void join_threads(void) {
        pthread_t threads[8];
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                (void) pthread_create(&threads[i], NULL, end_at_once, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                (void) pthread_join(threads[i], NULL);
}

static void leave_descriptors(void) {
        int first = open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        (void) close(first);
}

static void open_and_close(void) {
        (void) close(open("/dev/null", O_RDONLY));
}

static void close_everything(void) {
        (void) close_range(0, ~0U, 0);
}

static void replace_standard(void) {
        (void) dup2(open("/dev/zero", O_RDWR | O_CLOEXEC), STDERR_FILENO);
        (void) close_range(4, ~0U, 0);
}

static void close_memory(void) {
        (void) prctl(PR_SET_DUMPABLE, 0);
}

static const Habit habits[] = {
        {"nothing", nothing, ""},
        {"chdir", change_directory, "another working directory"},
        {"rmdir", remove_directory, "another working directory"},
        {"umask", change_umask, "another umask"},
        {"setenv", set_variable, "another environment"},
        {"setenv again", change_variable, "another environment"},
        {"clearenv", clear_variables, "another environment"},
        {"setlocale", change_locale, "another locale"},
        {"uselocale", use_locale, "another locale"},
        {"signal", ignore_signal, "2 signal handlers"},
        {"sigprocmask", block_signals, "blocked signals"},
        {"alarm", set_alarm, "1 timer"},
        {"timer_create", make_timers, "1 timer"},
        {"timer_delete", delete_timer, ""},
        {"setrlimit", change_limit, "1 resource limit"},
        {"nice", be_nice, "another priority"},
        {"threads", leave_threads, "2 threads"},
        {"joined", join_threads, ""},
        {"descriptors", leave_descriptors, "2 open descriptors"},
        {"closed", open_and_close, ""},
        {"close_range", close_everything, "no way to its supervisor, other standard descriptors"},
        {"dup2", replace_standard, "other standard descriptors"},
        {"prctl", close_memory, "a closed memory"},
};

/* In a child of its own: the habit, what was said, and that a second look finds nothing more. */
static int show_habit(void *arg) {
        const Habit *habit = arg;
        int is_visible = !strcmp(habit->name, "threads") || !strcmp(habit->name, "nice") ||
                         !strcmp(habit->name, "descriptors") || !strcmp(habit->name, "dup2") ||
                         !strcmp(habit->name, "close_range");
        char words[RESIDUE_WORDS], again[RESIDUE_WORDS], directory[256];
        Residue residue;
        int channel[2];

        (void) !pipe(channel);
        (void) close(channel[1]);
        (void) setenv("RJ_TEST_THERE", "here", 1);
        (void) !chdir("/");
        if (residue_init(&residue, channel[0], -1))
                return 2;
        habit->act();
        (void) residue_after(&residue, -1, words);
        int is_restored = (residue_after(&residue, -1, again), !*again || is_visible) &&
                          getenv("RJ_TEST_THERE") && !strcmp(getenv("RJ_TEST_THERE"), "here") &&
                          getcwd(directory, sizeof(directory)) && !strcmp(directory, "/") &&
                          fcntl(0, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
        if (strcmp(words, habit->words) || !is_restored)
                (void) dprintf(2, "%s: '%s', then '%s'\n", habit->name, words, again);
        return strcmp(words, habit->words) ? 3 : is_restored ? 0 : 4;
}

static void test_habits(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(habits); i++) {
                int status;
                pid_t pid;
                assert_int_equal(
                        spawn_child(show_habit, (void *) (uintptr_t) &habits[i], NULL, 0, &pid), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFEXITED(status) || WEXITSTATUS(status))
                        fail_msg("%s: status %x", habits[i].name, (unsigned) status);
        }
}

/*
 * As an ordinary user beside a parent who lets nobody look in: standard error is the same again,
 * and so is who may look into this process.
 */
static int lose_errors(void *arg) {
        char words[RESIDUE_WORDS];
        Residue residue;

        (void) arg;
        if (getuid() == 0 && setuid(64211) < 0)
                return 2;
        (void) prctl(PR_SET_DUMPABLE, 0);
        (void) dup2(memfd_create("errors", MFD_CLOEXEC), STDERR_FILENO); /* nobody else's */
        if (residue_init(&residue, -1, -1))
                return 3;
        (void) close(STDERR_FILENO);
        (void) prctl(PR_SET_DUMPABLE, 1);
        (void) residue_after(&residue, -1, words);
        if (strcmp(words, "other standard descriptors, an open memory"))
                return 4;
        return descriptor_is_same(&residue.standard[STDERR_FILENO]) &&
                               !residue_after(&residue, -1, words)
                       ? 0
                       : 5;
}

static void test_errors_of_a_closed_parent(void **state) {
        int status, before = prctl(PR_GET_DUMPABLE);
        pid_t pid;

        (void) state;
        (void) prctl(PR_SET_DUMPABLE, 0);
        assert_int_equal(spawn_child(lose_errors, NULL, NULL, 0, &pid), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void) prctl(PR_SET_DUMPABLE, before);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

#define KEPT 40 /* more than the descriptors that are looked at first */
#define KEPT_OLD 10

/*
 * What open() of a plugin keeps is there for every job, may be closed and opened again, and hides
 * nothing that a job leaves. `arg`: the kernel does not count descriptors, as before Linux 6.2, and
 * only those with low numbers are found.
 */
static int keep_things(void *arg) {
        char words[RESIDUE_WORDS];
        Residue residue;
        pthread_t thread;
        int fds[KEPT];

        (void) close_range(3, ~0U, 0);
        (void) !chdir("/");
        if (residue_init(&residue, -1, -1) || residue_has_threads(&residue))
                return 2;
        for (int i = 0; i < (arg ? KEPT_OLD : KEPT); i++)
                fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        (void) pthread_create(&thread, NULL, sleep_for_ever, NULL);
        (void) !chdir("/tmp");
        (void) residue_keep(&residue, -1, words);
        if (strcmp(words, "another working directory") || residue_after(&residue, -1, words))
                return 3;
        if (arg)
                residue.n_fds = 0;
        (void) close(fds[0]);
        if (residue_after(&residue, -1, words) || !residue_has_threads(&residue))
                return 4;
        (void) fcntl(fds[1], F_DUPFD, 200); /* connects again, under another number */
        if (residue_after(&residue, -1, words))
                return 5;
        (void) open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        (void) pthread_create(&thread, NULL, sleep_for_ever, NULL);
        (void) residue_after(&residue, -1, words);
        return strcmp(words, "1 thread, 2 open descriptors") ? 6 : 0;
}

static void test_kept(void **state) {
        static int is_old_kernel;
        void *args[] = {NULL, &is_old_kernel};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
                int status;
                pid_t pid;
                assert_int_equal(spawn_child(keep_things, args[i], NULL, 0, &pid), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFEXITED(status) || WEXITSTATUS(status))
                        fail_msg("%zu: status %x", i, (unsigned) status);
        }
}

/* Descriptors of the worker's own come and go; what a plugin leaves beside them is noticed. */
static int keep_descriptors(void *arg) {
        char words[RESIDUE_WORDS];
        Residue residue;
        int fds[3];

        (void) arg;
        if (residue_init(&residue, -1, -1) || pipe2(fds, O_CLOEXEC) < 0)
                return 2;
        fds[2] = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
        residue_expect(&residue, fds, 3);
        if (residue_after(&residue, -1, words))
                return 3;
        int left = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (!residue_after(&residue, -1, words) || strcmp(words, "1 open descriptor"))
                return 4;
        /* An open() keeps that one; then those of the worker go, and others come. */
        if (residue_keep(&residue, -1, words))
                return 5;
        (void) close(fds[0]);
        (void) close(fds[1]);
        residue_expect(&residue, &fds[2], 1);
        if (residue_after(&residue, -1, words))
                return 6;
        (void) fcntl(left, F_DUPFD_CLOEXEC, 0);
        if (!residue_after(&residue, -1, words) || strcmp(words, "1 open descriptor"))
                return 7;
        return 0;
}

/* A tree of three generations, one of them in a session of its own, and one that has ended. */
static int leave_children(void *arg) {
        (void) arg;
        children_adopt();
        if (children_end() != 0)
                return 1;
        if (fork() == 0)
                _exit(0);
        if (fork() == 0) {
                if (fork() == 0) {
                        (void) setsid();
                        if (fork() == 0)
                                (void) sleep_for_ever(NULL);
                        (void) sleep_for_ever(NULL);
                }
                (void) sleep_for_ever(NULL);
        }
        usleep(50000);
        int n = children_end();
        if (n != 3)
                return 10 + n;
        return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 2;
}

static pid_t fork_sleeper(void) {
        pid_t pid = fork();
        if (!pid) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) sleep_for_ever(NULL);
        }
        return pid;
}

/* Those that were there before are left alone, whether they live or have ended. */
static int spare_strangers(void *arg) {
        pid_t stranger = fork_sleeper(), brief = fork();
        Strangers strangers;

        (void) arg;
        siginfo_t ended;
        if (!brief)
                _exit(0);
        while (waitid(P_PID, (id_t) brief, &ended, WEXITED | WNOWAIT) < 0)
                if (errno != EINTR)
                        return 5;
        strangers_note(&strangers);
        if (children_end_but(&strangers) != 0)
                return 1;
        pid_t ours = fork_sleeper();
        if (!strangers_have(&strangers, stranger) || strangers_have(&strangers, ours))
                return 2;
        int n = children_end_but(&strangers);
        if (n != 1 || waitpid(stranger, NULL, WNOHANG))
                return 10 + n;
        if (waitpid(brief, NULL, WNOHANG) != brief) /* whose end is somebody else's to hear */
                return 6;
        if (!strangers_forget(&strangers, stranger) || strangers_forget(&strangers, stranger) ||
            strangers_have(&strangers, stranger) || !strangers_forget(&strangers, brief))
                return 3;
        return children_end_but(&strangers) == 1 ? 0 : 4;
}

static void test_children(void **state) {
        static const SpawnFn fns[] = {leave_children, spare_strangers, keep_descriptors};
        int status;
        pid_t pid;

        (void) state;
        for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
                assert_int_equal(spawn_child(fns[i], NULL, NULL, 0, &pid), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);
        }
}

/* Says what a clean job costs; a machine may be slow, so that only nonsense is a failure. */
static void test_cost(void **state) {
        enum { ROUNDS = 2000 };
        char words[RESIDUE_WORDS];
        Residue residue;

        (void) state;
        assert_int_equal(residue_init(&residue, -1, -1), 0);
        usec_t before = clock_cpu_usec();
        for (int i = 0; i < ROUNDS; i++) {
                assert_int_equal(residue_after(&residue, -1, words), 0);
                (void) children_end();
        }
        double each = (double) (clock_cpu_usec() - before) / ROUNDS;
        print_message("a job without residue: %.1f us of CPU time\n", each);
        assert_true(each < 1000);
        residue_done(&residue);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_habits), cmocka_unit_test(test_errors_of_a_closed_parent),
                cmocka_unit_test(test_kept),   cmocka_unit_test(test_children),
                cmocka_unit_test(test_cost),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
