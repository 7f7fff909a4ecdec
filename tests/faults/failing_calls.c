/*
 * A library for LD_PRELOAD that lets one call of libc fail, once in all processes of a run.
 *
 * libfiu can let a call fail the first time or at random, but not at a chosen call, and knows
 * neither epoll nor timerfd, memfd, socketpair and threads. Here a call is named by its function
 * and by its place: who called it, and who called these. Of each return address only the bits below
 * a page count, so that a place has the same name in each run, wherever things are mapped. Counting
 * calls would not do: how many there are depends on time. Functions that cannot fail when they are
 * called right, such as sigaction() or kill() of a child, are not in the list.
 *
 * The processes of a run share a file, RJ_CALLS_FILE: every place that was reached, and how often.
 * RJ_CALLS_FAIL, "function place n", names the call that fails: the n-th one there. Who calls it is
 * then written to RJ_CALLS_FILE.trace. Programs other than ours, such as those of [exec] models,
 * are left alone.
 *
 * What is needed between the call and its failure must not call what may fail: memory comes from
 * glibc's own names, and no other function of the list below is used.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define PLACES 32768u /* a power of two, and far more than are reached */
#define CALLERS 6     /* so many return addresses name a place */
#define OWN_FRAMES 2  /* is_due() and the function of the list */

/* The functions: what they return, their parameters, and how they fail. */
#define FUNCTIONS(X)                                                                               \
        X(void *, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t offset),           \
          (at, n, prot, flags, fd, offset), ENOMEM, MAP_FAILED)                                    \
        X(FILE *, fopen, (const char *path, const char *mode), (path, mode), EMFILE, NULL)         \
        X(FILE *, open_memstream, (char **to, size_t *n), (to, n), ENOMEM, NULL)                   \
        X(DIR *, opendir, (const char *path), (path), EMFILE, NULL)                                \
        X(DIR *, fdopendir, (int fd), (fd), ENOMEM, NULL)                                          \
        X(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), EIO, -1)                       \
        X(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), EIO, -1)        \
        X(ssize_t, readlink, (const char *path, char *to, size_t n), (path, to, n), EACCES, -1)    \
        X(int, ftruncate, (int fd, off_t n), (fd, n), ENOSPC, -1)                                  \
        X(int, fstat, (int fd, struct stat *to), (fd, to), EIO, -1)                                \
        X(int, stat, (const char *path, struct stat *to), (path, to), EACCES, -1)                  \
        X(int, access, (const char *path, int mode), (path, mode), EACCES, -1)                     \
        X(int, chdir, (const char *path), (path), EACCES, -1)                                      \
        X(char *, getcwd, (char *to, size_t n), (to, n), EACCES, NULL)                             \
        X(int, dup2, (int fd, int to), (fd, to), EMFILE, -1)                                       \
        X(int, pipe2, (int fds[2], int flags), (fds, flags), EMFILE, -1)                           \
        X(int, pipe, (int fds[2]), (fds), EMFILE, -1)                                              \
        X(int, socket, (int domain, int type, int protocol), (domain, type, protocol), EMFILE, -1) \
        X(int, socketpair, (int domain, int type, int protocol, int fds[2]),                       \
          (domain, type, protocol, fds), EMFILE, -1)                                               \
        X(int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),             \
          ECONNREFUSED, -1)                                                                        \
        X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t n),          \
          (fd, level, name, value, n), ENOBUFS, -1)                                                \
        X(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *n),               \
          (fd, level, name, value, n), ENOBUFS, -1)                                                \
        X(int, memfd_create, (const char *name, unsigned flags), (name, flags), EMFILE, -1)        \
        X(int, eventfd, (unsigned value, int flags), (value, flags), EMFILE, -1)                   \
        X(int, epoll_create1, (int flags), (flags), EMFILE, -1)                                    \
        X(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),                \
          (epoll, what, fd, event), ENOMEM, -1)                                                    \
        X(int, epoll_wait, (int epoll, struct epoll_event *to, int n, int msec),                   \
          (epoll, to, n, msec), EINTR, -1)                                                         \
        X(int, poll, (struct pollfd * fds, nfds_t n, int msec), (fds, n, msec), ENOMEM, -1)        \
        X(int, timerfd_create, (int clock, int flags), (clock, flags), EMFILE, -1)                 \
        X(int, timerfd_settime,                                                                    \
          (int fd, int flags, const struct itimerspec *value, struct itimerspec *before),          \
          (fd, flags, value, before), EINVAL, -1)                                                  \
        X(pid_t, fork, (void), (), EAGAIN, -1)                                                     \
        X(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), EINTR,    \
          -1)                                                                                      \
        X(int, waitid, (idtype_t type, id_t id, siginfo_t * to, int options),                      \
          (type, id, to, options), EINTR, -1)                                                      \
        X(pid_t, wait4, (pid_t pid, int *status, int options, struct rusage *usage),               \
          (pid, status, options, usage), EINTR, -1)                                                \
        X(pid_t, setsid, (void), (), EPERM, -1)                                                    \
        X(int, setpgid, (pid_t pid, pid_t group), (pid, group), EPERM, -1)                         \
        X(int, sigtimedwait,                                                                       \
          (const sigset_t *set, siginfo_t *info, const struct timespec *timeout),                  \
          (set, info, timeout), EINTR, -1)                                                         \
        X(int, setrlimit, (__rlimit_resource_t what, const struct rlimit *limit), (what, limit),   \
          EPERM, -1)                                                                               \
        X(int, setenv, (const char *name, const char *value, int replace), (name, value, replace), \
          ENOMEM, -1)                                                                              \
        X(struct passwd *, getpwuid, (uid_t uid), (uid), EIO, NULL)                                \
        X(int, getpwuid_r,                                                                         \
          (uid_t uid, struct passwd * to, char *text, size_t n, struct passwd **found),            \
          (uid, to, text, n, found), EIO, EIO)                                                     \
        X(int, getgrgid_r,                                                                         \
          (gid_t gid, struct group * to, char *text, size_t n, struct group **found),              \
          (gid, to, text, n, found), EIO, EIO)                                                     \
        X(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left),      \
          EINTR, -1)                                                                               \
        X(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags), EMFILE, -1)                  \
        X(int, close_range, (unsigned from, unsigned to, int flags), (from, to, flags), ENOSYS, -1)

enum {
        _CALL_NONE,
        CALL_malloc,
        CALL_calloc,
        CALL_realloc,
        CALL_reallocarray,
        CALL_open,
        CALL_openat,
        CALL_fcntl,
        CALL_prctl,
        CALL_close,
        CALL_write,
        CALL_send,
        CALL_recv,
        CALL_pthread_create,
#define X(type, name, ...) CALL_##name,
        FUNCTIONS(X)
#undef X
};

static const char *const names[] = {[_CALL_NONE] = "",
                                    [CALL_malloc] = "malloc",
                                    [CALL_calloc] = "calloc",
                                    [CALL_realloc] = "realloc",
                                    [CALL_reallocarray] = "reallocarray",
                                    [CALL_open] = "open",
                                    [CALL_openat] = "openat",
                                    [CALL_fcntl] = "fcntl",
                                    [CALL_prctl] = "prctl",
                                    [CALL_close] = "close",
                                    [CALL_write] = "write",
                                    [CALL_send] = "send",
                                    [CALL_recv] = "recv",
                                    [CALL_pthread_create] = "pthread_create",
#define X(type, name, ...) [CALL_##name] = #name,
                                    FUNCTIONS(X)
#undef X
};

/* tests/faults/test_failing_calls.py reads this. */
typedef struct Place {
        _Atomic uint64_t key; /* function << 32 | place; 0: free */
        _Atomic uint64_t count;
} Place;

typedef struct Shared {
        _Atomic uint64_t has_failed;
        uint64_t reserved;
        Place places[PLACES];
} Shared;

static Shared *shared; /* NULL: nothing is counted here */
static uint64_t wanted_key, wanted_count;
static char trace_path[512];
static __thread int is_inside __attribute__((tls_model("initial-exec")));

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t n);

static void *real(const char *name) {
        is_inside++;
        void *function = dlsym(RTLD_NEXT, name);
        is_inside--;
        if (!function)
                abort();
        return function;
}

/* The place at which a call of `function` was made. */
static uint64_t key_of(unsigned function, void *const frames[], int n) {
        uint32_t place = 2166136261u; /* FNV-1a */

        for (int i = OWN_FRAMES; i < n; i++)
                place = (place ^ ((uint32_t) (uintptr_t) frames[i] & 0xfff)) * 16777619u;
        return (uint64_t) function << 32 | place;
}

/* Counts a call, and returns the count. */
static uint64_t count(uint64_t key) {
        for (uint64_t i = key * 0x9e3779b97f4a7c15u >> 32;; i++) {
                Place *place = &shared->places[i % PLACES];
                uint64_t there = 0;
                if (atomic_compare_exchange_strong(&place->key, &there, key) || there == key)
                        return atomic_fetch_add(&place->count, 1) + 1;
        }
}

/* System calls only: the functions are those that may fail. */
static void write_trace(void *const frames[], int n) {
        int fd =
                (int) syscall(SYS_openat, AT_FDCWD, trace_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        backtrace_symbols_fd(frames, n, fd);
        (void) syscall(SYS_close, fd);
}

static __attribute__((noinline)) int is_due(unsigned function) {
        void *frames[OWN_FRAMES + 16];

        if (!shared || is_inside)
                return 0;
        int before = errno;
        is_inside++;
        int n = backtrace(frames, OWN_FRAMES + 16);
        uint64_t key =
                key_of(function, frames, n < OWN_FRAMES + CALLERS ? n : OWN_FRAMES + CALLERS);
        int is_wanted = count(key) == wanted_count && key == wanted_key &&
                        !atomic_exchange(&shared->has_failed, 1);
        if (is_wanted)
                write_trace(frames, n);
        is_inside--;
        errno = before;
        return is_wanted;
}

/*
 * Calls the function itself, or fails in its place. What it calls in its turn is not counted: of
 * ours is the answer to its failure, and glibc does not survive everything there (without memory
 * for the databases of users and groups it follows a null pointer, __nss_database_get() of 2.36).
 */
#define X(type, name, parameters, arguments, error, failure) \
        EXPORT type name parameters {                        \
                static type(*next) parameters;               \
                if (!next)                                   \
                        next = real(#name);                  \
                if (is_due(CALL_##name)) {                   \
                        errno = error;                       \
                        return failure;                      \
                }                                            \
                is_inside++;                                 \
                type result = next arguments;                \
                is_inside--;                                 \
                return result;                               \
        }
FUNCTIONS(X)
#undef X

static int fail(int error) {
        errno = error;
        return -1;
}

static void *fail_memory(void) {
        errno = ENOMEM;
        return NULL;
}

EXPORT void *malloc(size_t n) {
        return is_due(CALL_malloc) ? fail_memory() : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size) {
        return is_due(CALL_calloc) ? fail_memory() : __libc_calloc(n, size);
}

EXPORT void *realloc(void *block, size_t n) {
        return is_due(CALL_realloc) ? fail_memory() : __libc_realloc(block, n);
}

EXPORT void *reallocarray(void *block, size_t n, size_t size) {
        size_t bytes;

        if (is_due(CALL_reallocarray) || __builtin_mul_overflow(n, size, &bytes))
                return fail_memory();
        return __libc_realloc(block, bytes);
}

/* The mode is there only when it is needed, and is harmless where it is not. */
#define MODE(mode, flags)                            \
        do {                                         \
                va_list ap;                          \
                va_start(ap, flags);                 \
                if ((flags) & (O_CREAT | O_TMPFILE)) \
                        mode = va_arg(ap, unsigned); \
                va_end(ap);                          \
        } while (0)

EXPORT int open(const char *path, int flags, ...) {
        unsigned mode = 0;
        MODE(mode, flags);
        if (is_due(CALL_open))
                return fail(EMFILE);
        return (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...) {
        unsigned mode = 0;
        MODE(mode, flags);
        if (is_due(CALL_openat))
                return fail(EMFILE);
        return (int) syscall(SYS_openat, dir, path, flags, mode);
}

EXPORT int fcntl(int fd, int what, ...) {
        va_list ap;
        va_start(ap, what);
        void *argument = va_arg(ap, void *);
        va_end(ap);
        if (is_due(CALL_fcntl))
                return fail(EINVAL);
        return (int) syscall(SYS_fcntl, fd, what, argument);
}

EXPORT int prctl(int what, ...) {
        unsigned long arguments[4];
        va_list ap;
        va_start(ap, what);
        for (int i = 0; i < 4; i++)
                arguments[i] = va_arg(ap, unsigned long);
        va_end(ap);
        if (is_due(CALL_prctl))
                return fail(EINVAL);
        return (int) syscall(SYS_prctl, what, arguments[0], arguments[1], arguments[2],
                             arguments[3]);
}

/* As Linux does it: the descriptor is closed, and the error is that of an earlier write. */
EXPORT int close(int fd) {
        int r = (int) syscall(SYS_close, fd);
        return is_due(CALL_close) ? fail(EIO) : r;
}

/* A write to an eventfd does not fail. */
static int is_eventfd(int fd) {
        static const char eventfd_name[] = "anon_inode:[eventfd]";
        char path[32], name[sizeof(eventfd_name)];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return syscall(SYS_readlink, path, name, sizeof(name)) == sizeof(name) - 1 &&
               !memcmp(name, eventfd_name, sizeof(name) - 1);
}

EXPORT ssize_t write(int fd, const void *from, size_t n) {
        if (is_due(CALL_write) && !is_eventfd(fd))
                return fail(ENOSPC);
        return syscall(SYS_write, fd, from, n);
}

/* A connection that was reset is so for whatever is done with it next, and for its other end. */
static int fail_connection(int fd) {
        (void) syscall(SYS_shutdown, fd, SHUT_RDWR);
        return fail(ECONNRESET);
}

EXPORT ssize_t send(int fd, const void *from, size_t n, int flags) {
        if (is_due(CALL_send))
                return fail_connection(fd);
        return syscall(SYS_sendto, fd, from, n, flags, NULL, 0);
}

EXPORT ssize_t recv(int fd, void *to, size_t n, int flags) {
        if (is_due(CALL_recv))
                return fail_connection(fd);
        return syscall(SYS_recvfrom, fd, to, n, flags, NULL, NULL);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument) {
        static int (*next)(pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);
        if (!next)
                next = real("pthread_create");
        return is_due(CALL_pthread_create) ? EAGAIN : next(thread, attributes, run, argument);
}

/* "function place n" */
static void read_wanted(const char *text) {
        char name[32] = "";
        unsigned place = 0;

        if (sscanf(text, "%31s %x %lu", name, &place, &wanted_count) != 3)
                abort();
        for (uint64_t i = 1; i < sizeof(names) / sizeof(*names); i++)
                if (!strcmp(names[i], name))
                        wanted_key = i << 32 | place;
}

static __attribute__((constructor)) void begin(void) {
        const char *path = getenv("RJ_CALLS_FILE"), *wanted = getenv("RJ_CALLS_FAIL");
        void *frames[4];

        if (!path || strncmp(program_invocation_short_name, "registry-job", 12))
                return;
        (void) backtrace(frames, 4); /* loads what it needs */
        if (wanted)
                read_wanted(wanted);
        (void) snprintf(trace_path, sizeof(trace_path), "%s.trace", path);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        void *memory = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || memory == MAP_FAILED)
                abort();
        (void) close(fd);
        shared = memory;
}
