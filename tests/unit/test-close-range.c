/* Descriptors that a child must not keep: util/descriptors.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/descriptors.h"

/* In place of libc's: a kernel or a sandbox that does not know it. */
int close_range(unsigned from, unsigned to, int flags);

int close_range(unsigned from, unsigned to, int flags) {
        (void) from;
        (void) to;
        (void) flags;
        errno = ENOSYS;
        return -1;
}

static int is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

static void open_at(int fd) {
        assert_int_equal(dup2(STDERR_FILENO, fd), fd);
}

static void test_some(void **state) {
        (void) state;
        for (int fd = 40; fd <= 44; fd++)
                open_at(fd);
        descriptors_close(41, 43);
        assert_true(is_open(40) && is_open(44));
        assert_false(is_open(41) || is_open(42) || is_open(43));
        descriptors_close(44, 40);
        assert_true(is_open(40) && is_open(44));
}

/* A plugin's limit of open files is lowered: what was open before is closed, too. */
static void test_all(void **state) {
        struct rlimit limit;

        (void) state;
        open_at(40);
        open_at(44);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = 42;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        descriptors_close(40, UINT_MAX);
        assert_false(is_open(40) || is_open(44));
        assert_true(is_open(STDERR_FILENO));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_some),
                cmocka_unit_test(test_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
