/* Descriptors that whoever started the program has closed; each case in a process of its own. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/descriptors.h"

/* The exit code of a child that runs `fn`. */
static int code_of(int (*fn)(int), int arg) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(fn(arg));
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Closes those of the set, and fills them. Returns 0 when none of the three is missing any more. */
static int fill(int set) {
        int n = 0;

        for (int fd = 0; fd < 3; fd++)
                if (set & 1 << fd) {
                        (void) close(fd);
                        n++;
                }
        if (descriptors_fill_standard() != n)
                return 1;
        int next = open("/", O_RDONLY | O_DIRECTORY);
        return next > STDERR_FILENO ? 0 : 2;
}

static void test_any_of_them(void **state) {
        (void) state;
        for (int set = 0; set < 8; set++)
                assert_int_equal(code_of(fill, set), 0);
}

/* What nobody gets is an error on standard output, and none on standard error. */
static int write_to_them(int set) {
        char c;

        if (fill(set))
                return 1;
        if (read(STDIN_FILENO, &c, 1) != 0)
                return 2;
        if (write(STDOUT_FILENO, "x", 1) == 1)
                return 3;
        return write(STDERR_FILENO, "x", 1) == 1 ? 0 : 4;
}

static void test_what_they_are(void **state) {
        (void) state;
        assert_int_equal(code_of(write_to_them, 7), 0);
}

/* 77 where this user may not change the root directory. */
static int fill_in_empty_root(int set) {
        char path[] = "/tmp/rj-root-XXXXXX";

        if (unshare(CLONE_NEWUSER) < 0 || !mkdtemp(path))
                return 77;
        int r = chroot(path);
        (void) rmdir(path); /* the directory itself stays, as this root */
        return r < 0 ? 77 : fill(set);
}

static void test_without_dev_null(void **state) {
        (void) state;
        int code = code_of(fill_in_empty_root, 7);
        if (code == 77)
                skip();
        assert_int_equal(code, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_of_them),
                cmocka_unit_test(test_what_they_are),
                cmocka_unit_test(test_without_dev_null),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
