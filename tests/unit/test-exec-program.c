/*
 * The moment at which a program joins its group. The functions of libc that matter here are
 * replaced by ones that hold the child back until its group has been killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/program.h"
#include "util/clock.h"

#define NEVER_SECONDS 10 /* a test that waits so long has failed */

/* Shared with the children. */
typedef struct Moment {
        _Atomic int is_arranged; /* 0: everything is as ever */
        _Atomic int may_join, has_joined;
} Moment;

static Moment *moment;

static void await(_Atomic int *flag) {
        usec_t until = usec_add(clock_now_usec(), NEVER_SECONDS * USEC_PER_SEC);

        while (!atomic_load(flag) && clock_now_usec() < until)
                (void) poll(NULL, 0, 1);
}

/* Nothing tells that the program has ended: the worker has no descriptor left, for example. */
int pidfd_open(pid_t pid, unsigned flags) {
        if (atomic_load(&moment->is_arranged) && pid != getpid()) {
                errno = EMFILE;
                return -1;
        }
        return (int) syscall(SYS_pidfd_open, pid, flags);
}

/* The program, unlike its guard, joins a group that is there. */
int setpgid(pid_t pid, pid_t group) {
        int is_program = atomic_load(&moment->is_arranged) && pid == 0 && group > 0;

        if (is_program)
                await(&moment->may_join);
        int r = (int) syscall(SYS_setpgid, pid, group);
        if (is_program)
                atomic_store(&moment->has_joined, 1);
        return r;
}

int kill(pid_t pid, int signal) {
        int r = (int) syscall(SYS_kill, pid, signal);

        if (atomic_load(&moment->is_arranged) && pid < -1) {
                atomic_store(&moment->may_join, 1);
                await(&moment->has_joined);
        }
        return r;
}

static void test_joins_after_the_kill(void **state) {
        char path[] = "/bin/sleep", forever[] = "1000";
        char *argv[] = {path, forever, NULL}, *environment[] = {NULL};
        const ProgramSpec spec = {.argv = argv, .environment = environment, .directory = "/"};
        Program program = PROGRAM_INIT;
        char why[200];

        (void) state;
        atomic_store(&moment->is_arranged, 1);
        (void) alarm(2 * NEVER_SECONDS);
        assert_int_equal(program_start(&program, &spec, why, sizeof(why)), PROGRAM_E_START);
        assert_non_null(strstr(why, strerror(EMFILE)));
        program_done(&program); /* waits for the program's end */
        (void) alarm(0);
        assert_true(atomic_load(&moment->has_joined));
        assert_int_equal(program.pid, 0);
        assert_int_equal(program.guard, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_joins_after_the_kill),
        };

        moment = mmap(NULL, sizeof(*moment), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        if (moment == MAP_FAILED)
                return 1;
        int fd = pidfd_open(getpid(), 0);
        if (fd < 0 && errno == ENOSYS)
                return 77; /* skipped: valgrind does not know it */
        (void) close(fd);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
