/* Who we are: a PID alone is not enough. */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/process.h"

static void test_host_and_boot(void **state) {
        char name[HOST_NAME_SIZE], full[256], boot[BOOT_ID_SIZE], again[BOOT_ID_SIZE];

        (void) state;
        assert_int_equal(process_host(name), 0);
        assert_int_equal(gethostname(full, sizeof(full)), 0);
        assert_int_equal(strncmp(name, full, 64), 0);
        assert_int_equal(process_boot(boot), 0);
        assert_int_equal(process_boot(again), 0);
        assert_string_equal(boot, again);
        assert_int_equal(boot[36], ' ');
        assert_int_equal(strncmp(boot + 37, "pid:[", 5), 0);
        assert_int_equal(boot[strlen(boot) - 1], ']');
}

/* A name with blanks and parentheses stands before the fields that are counted. */
static void test_odd_names(void **state) {
        int64_t before = 0, after = 0;

        (void) state;
        assert_int_equal(process_start_ticks(getpid(), &before), 0);
        assert_true(before > 0);
        assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b"), 0);
        assert_int_equal(process_start_ticks(getpid(), &after), 0);
        assert_true(before == after);
}

static void test_life_of_a_child(void **state) {
        int64_t ticks = -1, ours = 0;
        pid_t pid = fork();

        (void) state;
        if (!pid) {
                (void) alarm(30); /* also when an assertion fails */
                (void) pause();
                _exit(0);
        }
        assert_true(pid > 0);
        assert_int_equal(process_start_ticks(pid, &ticks), 0);
        assert_int_equal(process_start_ticks(getpid(), &ours), 0);
        assert_true(ticks >= ours);
        assert_int_equal(process_life(pid, ticks), PROCESS_ALIVE);
        assert_int_equal(process_life(pid, ticks + 1), PROCESS_GONE);
        assert_int_equal(process_group_life(pid), PROCESS_GONE);
        assert_int_equal(setpgid(pid, 0), 0);
        assert_int_equal(process_group_life(pid), PROCESS_ALIVE);

        siginfo_t info;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(process_life(pid, ticks), PROCESS_GONE); /* a zombie */
        assert_int_equal(process_group_life(pid), PROCESS_GONE);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_life(pid, ticks), PROCESS_GONE);
        ticks = -7;
        assert_int_equal(process_start_ticks(pid, &ticks), -ESRCH);
        assert_int_equal(ticks, -7);
}

/* What cannot be looked at is not gone. */
static void test_unknown(void **state) {
        char name[PROCESS_NAME_SIZE];
        struct rlimit before, none;
        int64_t ours = 0, ticks = -7;
        pid_t pid = fork();

        (void) state;
        if (!pid) {
                (void) setpgid(0, 0);
                (void) alarm(30);
                (void) pause();
                _exit(0);
        }
        assert_true(pid > 0);
        (void) setpgid(pid, 0);
        assert_int_equal(process_start_ticks(getpid(), &ours), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int r = process_start_ticks(pid, &ticks);
        ProcessLife life = process_life(getpid(), ours), group = process_group_life(pid);
        int r_name = process_name(pid, name);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(r, -EMFILE);
        assert_int_equal(ticks, -7);
        assert_int_equal(life, PROCESS_UNKNOWN);
        assert_int_equal(group, PROCESS_UNKNOWN);
        assert_int_equal(r_name, 0);
        assert_string_equal(name, "?");

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        group = process_group_life(pid); /* the number is nobody's: no descriptor is needed */
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(group, PROCESS_GONE);
        assert_int_equal(process_name(pid, name), -ESRCH);
}

/* As ProtectProc=invisible shows it to an ordinary user: a sibling that nobody may look into. */
static int look_at_hidden(pid_t pid) {
        int64_t ticks;

        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("proc", "/proc", "proc", 0, "hidepid=2") || setgroups(0, NULL) || setgid(64211) ||
            setuid(64211)) /* root's group sees all */
                return 77;
        if (process_start_ticks(pid, &ticks) != -EACCES || process_life(pid, 1) != PROCESS_UNKNOWN)
                return 1;
        return process_group_life(pid) == PROCESS_UNKNOWN ? 0 : 2;
}

static void test_hidden(void **state) {
        int ready[2], status;

        (void) state;
        if (geteuid() != 0)
                skip();
        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        if (!pid) {
                (void) setpgid(0, 0);
                (void) !setuid(64211);
                (void) prctl(PR_SET_DUMPABLE, 0);
                (void) !write(ready[1], "", 1);
                (void) alarm(30);
                (void) pause();
                _exit(0);
        }
        assert_int_equal(read(ready[0], &status, 1), 1);
        pid_t looker = fork();
        if (!looker)
                _exit(look_at_hidden(pid));
        assert_int_equal(waitpid(looker, &status, 0), looker);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        (void) close(ready[0]);
        (void) close(ready[1]);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_children(void **state) {
        pid_t pids[4] = {0}, pid = fork();

        (void) state;
        if (!pid) {
                (void) alarm(30);
                (void) pause();
                _exit(0);
        }
        assert_true(pid > 0);
        assert_int_equal(process_children(pids, 4), 1);
        assert_int_equal(pids[0], pid);
        assert_int_equal(process_children(pids, 0), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_children(pids, 4), 0);
}

/* The clock that a suspend does not stop, and the one of the kernel's timers. */
static void test_clocks(void **state) {
        struct timespec boot, monotonic;

        (void) state;
        (void) clock_gettime(CLOCK_BOOTTIME, &boot);
        (void) clock_gettime(CLOCK_MONOTONIC, &monotonic);
        assert_true(clock_now_usec() - (usec_t) boot.tv_sec * USEC_PER_SEC <= 20 * USEC_PER_SEC);
        assert_true(clock_monotonic_usec() - (usec_t) monotonic.tv_sec * USEC_PER_SEC <=
                    20 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_and_boot),   cmocka_unit_test(test_odd_names),
                cmocka_unit_test(test_life_of_a_child), cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_hidden),          cmocka_unit_test(test_children),
                cmocka_unit_test(test_clocks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
