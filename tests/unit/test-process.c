/* Who we are: a PID alone is not enough. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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
        assert_int_equal(process_is_alive(pid, ticks), 1);
        assert_int_equal(process_is_alive(pid, ticks + 1), 0);
        assert_int_equal(process_group_is_alive(pid), 0);
        assert_int_equal(setpgid(pid, 0), 0);
        assert_int_equal(process_group_is_alive(pid), 1);

        siginfo_t info;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
        assert_int_equal(process_is_alive(pid, ticks), 0); /* a zombie */
        assert_int_equal(process_group_is_alive(pid), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_is_alive(pid, ticks), 0);
        ticks = -7;
        assert_int_equal(process_start_ticks(pid, &ticks), -ESRCH);
        assert_int_equal(ticks, -7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_and_boot),
                cmocka_unit_test(test_odd_names),
                cmocka_unit_test(test_life_of_a_child),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
