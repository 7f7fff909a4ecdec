/*
 * Loaded before libc by a PostgreSQL whose clock the soak sets. The first eight bytes of the file
 * that SOAK_CLOCK names are the nanoseconds by which the clock is ahead of the host's. Each process
 * maps them, so that all see a new setting at the same moment.
 *
 * libfaketime can not be used for hours: a signal handler that interrupts one of its waits sees the
 * time of the host, and PostgreSQL's timeouts (of locks and statements, of deadlocks) are set by
 * it.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000L
#define NSEC_PER_USEC 1000

static const int64_t right = 0;
static const int64_t *ahead_nsec = &right;

__attribute__((constructor)) static void map_setting(void) {
        const char *path = getenv("SOAK_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (fd < 0)
                return;
        void *map = mmap(NULL, sizeof(*ahead_nsec), PROT_READ, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED)
                ahead_nsec = map;
        (void) close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ret) {
        if (syscall(SYS_clock_gettime, id, ret) < 0)
                return -1;
        if (id == CLOCK_REALTIME) {
                int64_t nsec = ret->tv_nsec + __atomic_load_n(ahead_nsec, __ATOMIC_RELAXED);
                ret->tv_sec += nsec / NSEC_PER_SEC;
                ret->tv_nsec = nsec % NSEC_PER_SEC;
                if (ret->tv_nsec < 0) {
                        ret->tv_sec--;
                        ret->tv_nsec += NSEC_PER_SEC;
                }
        }
        return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec now;
        (void) zone;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return -1;
        ret->tv_sec = now.tv_sec;
        ret->tv_usec = now.tv_nsec / NSEC_PER_USEC;
        return 0;
}

time_t time(time_t *ret) {
        struct timespec now = {0};

        (void) clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
