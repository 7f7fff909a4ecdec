/*
 * A descriptor that was inherited may not be made non-blocking: the flag belongs to what is open,
 * and with it to everybody who has it open, a shell or a terminal for example. So poll() says
 * whether there is room, and a write takes no more than a pipe then has room for. Between the two
 * others may have filled the room, and a terminal that says that it has room may have little:
 * therefore a timer interrupts a write that waits after all. It ticks on, because the first tick
 * may come before the write waits. Its signal is SIGURG, which does nothing to whoever has no
 * handler; it is sent to this thread alone. A socket needs none of it.
 */
#include "util/writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/macro.h"

#define TICK_NSEC 20000000       /* how long a write may wait after all */
#define PAUSE_USEC 1000          /* a socket has room, but not for so much */
#define POLL_MAX_USEC 3600000000 /* for one poll(), whose time is an int of milliseconds */

#ifndef sigev_notify_thread_id /* Debian 12's C library has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void on_tick(int signal) {
        (void) signal; /* the write has been interrupted */
}

void writer_prepare(void) {
        const struct sigaction tick = {.sa_handler = on_tick}; /* without SA_RESTART */

        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGXFSZ, SIG_IGN);
        (void) signal(SIGTTOU, SIG_IGN);
        (void) sigaction(SIGURG, &tick, NULL);
}

/* Without a timer, of which a user may have too many, the word of poll() has to do. */
static ssize_t write_with_timer(int fd, const char *data, size_t size) {
        const struct itimerspec ticks = {.it_value.tv_nsec = TICK_NSEC,
                                         .it_interval.tv_nsec = TICK_NSEC};
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                                 .sigev_signo = SIGURG,
                                 .sigev_notify_thread_id = gettid()};
        sigset_t urgent, before;
        timer_t timer;

        (void) sigemptyset(&urgent);
        (void) sigaddset(&urgent, SIGURG);
        (void) pthread_sigmask(SIG_UNBLOCK, &urgent, &before);
        int has_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
        if (has_timer)
                (void) timer_settime(timer, 0, &ticks, NULL);
        ssize_t n = write(fd, data, size);
        int error = errno;
        if (has_timer)
                (void) timer_delete(timer);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        errno = error;
        return n;
}

static ssize_t write_some(int fd, const char *data, size_t size, usec_t patience_usec) {
        struct stat st = {0};

        size = MIN_OF(size, (size_t) PIPE_BUF);
        if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
                return send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (patience_usec != USEC_INFINITY && (S_ISFIFO(st.st_mode) || isatty(fd)))
                return write_with_timer(fd, data, size);
        return write(fd, data, size);
}

static int milliseconds_until(usec_t until_usec) {
        if (until_usec == USEC_INFINITY)
                return -1;
        usec_t left = MIN_OF(usec_sub(until_usec, clock_now_usec()), POLL_MAX_USEC);
        return (int) ((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

/* 0, or -EAGAIN when it took too long. What is wrong with the descriptor, the write says. */
static int wait_for_room(int fd, usec_t until_usec) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        int n;

        do
                n = poll(&room, 1, milliseconds_until(until_usec));
        while (n < 0 && errno == EINTR);
        return n ? 0 : -EAGAIN;
}

/* Whether a write that failed is worth another try. Only one that waited is interrupted. */
static int may_try_again(int error, usec_t until_usec) {
        const struct timespec pause = {.tv_nsec = PAUSE_USEC * 1000};

        if ((error != EAGAIN && error != EINTR) || clock_now_usec() >= until_usec)
                return 0;
        if (error == EAGAIN)
                (void) nanosleep(&pause, NULL);
        return 1;
}

int writer_put(int fd, const char *data, size_t size, usec_t patience_usec, size_t *ret_written) {
        usec_t until = usec_add(clock_now_usec(), patience_usec);

        for (*ret_written = 0; *ret_written < size;) {
                if (wait_for_room(fd, until))
                        return -EAGAIN;
                ssize_t n = write_some(fd, data + *ret_written, size - *ret_written, patience_usec);
                if (n == 0)
                        return -EIO;
                if (n > 0)
                        *ret_written += (size_t) n;
                else if (!may_try_again(errno, until))
                        return errno == EINTR ? -EAGAIN : -errno;
        }
        return 0;
}
