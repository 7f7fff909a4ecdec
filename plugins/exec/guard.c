/* As small as a process can be: it closes what it inherited, waits for one event and kills. */
#include "exec/guard.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "util/descriptors.h"
#include "util/error.h"
#include "util/macro.h"

/* Async-signal-safe calls only: the worker may have had other threads. */
static _Noreturn void run_guard(int worker) {
        struct pollfd poll_fd = {.fd = worker, .events = POLLIN};

        if (setpgid(0, 0) < 0)
                _exit(EXIT_FAILURE);
        if (worker > 0)
                descriptors_close(0, (unsigned) worker - 1);
        descriptors_close((unsigned) worker + 1, UINT_MAX);
        while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR)
                ;
        (void) kill(0, SIGKILL); /* this process too */
        _exit(EXIT_FAILURE);
}

int guard_start(pid_t *ret) {
        /* Opened by the worker itself: no other process can ever be meant. */
        _cleanup_(closep) int worker = pidfd_open(getpid(), 0);
        if (worker < 0)
                return error_origin(-errno);

        pid_t pid = fork();
        if (pid < 0)
                return error_origin(-errno);
        if (pid == 0)
                run_guard(worker);
        (void) setpgid(pid, pid); /* whoever is first: the group exists when we return */
        *ret = pid;
        return 0;
}
