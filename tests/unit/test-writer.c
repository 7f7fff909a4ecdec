/* Writes that must not wait: into pipes, terminals, sockets and files that take no more. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/writer.h"

#define BLOCK 4096
#define SOON (10 * USEC_PER_SEC) /* a write that waits would wait for ever */

static char block[BLOCK];

/* Writes a block without patience. */
static int put(int fd) {
        size_t written;
        usec_t begun = clock_now_usec();
        int r = writer_put(fd, block, sizeof(block), 0, &written);

        assert_true(clock_now_usec() - begun < SOON);
        return r;
}

/* Fills what is behind the descriptor, and returns how it says that there is no more room. */
static int fill(int fd) {
        int r = 0;

        for (int i = 0; !r && i < 100000; i++)
                r = put(fd);
        return r;
}

static void test_pipe(void **state) {
        char got[BLOCK];
        size_t written;
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(fill(fds[1]), -EAGAIN);
        assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK); /* which belongs to others as well */
        /* All or nothing. */
        assert_int_equal(read(fds[0], got, 5), 5);
        assert_int_equal(writer_put(fds[1], block, BLOCK, 0, &written), -EAGAIN);
        assert_int_equal(written, 0);
        (void) close(fds[0]);
        assert_int_equal(put(fds[1]), -EPIPE);
        (void) close(fds[1]);
}

/* poll() says that there is room, and somebody else is faster: here poll() is wrong each time. */
int __real_poll(void *fds, unsigned long n, int timeout);
int __wrap_poll(void *fds, unsigned long n, int timeout);
static int is_poll_wrong;

int __wrap_poll(void *fds, unsigned long n, int timeout) {
        return is_poll_wrong ? 1 : __real_poll(fds, n, timeout);
}

static void check_race(int fd) {
        sigset_t all, before;

        assert_int_equal(fill(fd), -EAGAIN);
        is_poll_wrong = 1;
        assert_int_equal(fill(fd), -EAGAIN);
        /* As a plugin that blocks all signals and then logs. */
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        assert_int_equal(put(fd), -EAGAIN);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        is_poll_wrong = 0;
}

static void test_race(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        check_race(fds[1]);
        (void) close(fds[0]);
        (void) close(fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        check_race(fds[1]);
        (void) close(fds[0]);
        (void) close(fds[1]);
        if (openpty(&fds[0], &fds[1], NULL, NULL, NULL) == 0) {
                assert_int_equal(tcflow(fds[1], TCOOFF), 0);
                check_race(fds[1]);
                (void) close(fds[0]);
                (void) close(fds[1]);
        }
}

/* A reader that reads at last is waited for, as long as one has patience. */
static void test_patience(void **state) {
        char got[BLOCK];
        size_t written;
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(fill(fds[1]), -EAGAIN);
        usec_t begun = clock_now_usec();
        assert_int_equal(writer_put(fds[1], block, BLOCK, 50 * USEC_PER_MSEC, &written), -EAGAIN);
        assert_true(clock_now_usec() - begun >= 50 * USEC_PER_MSEC);

        pid_t pid = fork();
        if (pid == 0) {
                (void) close(fds[1]);
                while (read(fds[0], got, sizeof(got)) > 0)
                        ;
                _exit(0);
        }
        assert_int_equal(writer_put(fds[1], block, BLOCK, SOON, &written), 0);
        assert_int_equal(writer_put(fds[1], block, BLOCK, USEC_INFINITY, &written), 0);
        (void) close(fds[0]);
        (void) close(fds[1]);
        (void) waitpid(pid, NULL, 0);
}

static void test_socket(void **state) {
        int fds[2];

        (void) state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(fill(fds[1]), -EAGAIN);
        (void) close(fds[0]);
        assert_int_equal(put(fds[1]), -EPIPE);
        (void) close(fds[1]);
}

/* Ctrl-S; and a terminal whose other side reads nothing, which takes a part. */
static void test_terminal(void **state) {
        int main_fd, fd;

        (void) state;
        if (openpty(&main_fd, &fd, NULL, NULL, NULL) < 0)
                skip();
        assert_int_equal(tcflow(fd, TCOOFF), 0);
        assert_int_equal(put(fd), -EAGAIN);
        assert_int_equal(tcflow(fd, TCOON), 0);
        assert_int_equal(put(fd), 0);
        assert_int_equal(fill(fd), -EAGAIN);
        (void) close(main_fd);
        assert_int_equal(put(fd), -EIO);
        (void) close(fd);
}

/* Somebody who shares the descriptor has made it non-blocking. */
static void test_non_blocking(void **state) {
        size_t written;
        int fds[2];

        (void) state;
        assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
        assert_int_equal(fill(fds[1]), -EAGAIN);
        assert_int_equal(writer_put(fds[1], block, BLOCK, 20 * USEC_PER_MSEC, &written), -EAGAIN);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

/* ulimit -f, and a disk that is full. */
static void test_file(void **state) {
        FILE *file = tmpfile();
        struct rlimit before, limit;

        (void) state;
        assert_non_null(file);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = before;
        limit.rlim_cur = BLOCK;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(put(fileno(file)), 0);
        assert_int_equal(put(fileno(file)), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        (void) fclose(file);
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        if (full >= 0)
                assert_int_equal(put(full), -ENOSPC);
        assert_int_equal(put(1000), -EBADF);
        (void) close(full);
}

static int prepare(void **state) {
        (void) state;
        memset(block, 'x', sizeof(block));
        writer_prepare();
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pipe),     cmocka_unit_test(test_race),
                cmocka_unit_test(test_patience), cmocka_unit_test(test_socket),
                cmocka_unit_test(test_terminal), cmocka_unit_test(test_non_blocking),
                cmocka_unit_test(test_file),
        };
        return cmocka_run_group_tests(tests, prepare, NULL);
}
