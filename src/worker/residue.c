#include "worker/residue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"
#include "util/macro.h"
#include "util/text.h"

#define FDS_LOOKED_AT 32 /* from 0; the worker itself has fewer */
#define FDS_COUNTED 1024 /* when some were found */
#define TIMERS_MAX 1000000
#define THREAD_TRIES 50 /* of a millisecond: one that was joined is counted for a moment yet */

static void add(char *words, const char *what) {
        (void) text_append(words, RESIDUE_WORDS, "%s%s", *words ? ", " : "", what);
}

static void add_count(char *words, unsigned long n, const char *what) {
        (void) text_append(words, RESIDUE_WORDS, "%s%lu %s%s", *words ? ", " : "", n, what,
                           n == 1 ? "" : "s");
}

/* Environment. */

static char **copy_environment(void) {
        size_t n = 0;

        while (environ && environ[n])
                n++;
        char **copy = calloc(n + 1, sizeof(*copy));
        for (size_t i = 0; copy && i < n; i++)
                if (!(copy[i] = strdup(environ[i])))
                        return NULL; /* the process ends */
        return copy;
}

static void check_environment(const Residue *residue, char *words) {
        size_t i = 0;

        while (environ && environ[i] && residue->environment[i] &&
               !strcmp(environ[i], residue->environment[i]))
                i++;
        if ((environ && environ[i]) || residue->environment[i]) {
                environ = residue->environment;
                add(words, "another environment");
        }
}

/* Directory and file mode mask. */

static void note_directory(Residue *residue) {
        struct stat st;

        residue->directory = getcwd(NULL, 0);
        if (stat(".", &st) == 0) {
                residue->directory_device = st.st_dev;
                residue->directory_inode = st.st_ino;
        }
}

static void check_directory(const Residue *residue, char *words) {
        struct stat st;

        if (stat(".", &st) == 0 && st.st_dev == residue->directory_device &&
            st.st_ino == residue->directory_inode)
                return;
        if (!residue->directory || chdir(residue->directory) < 0)
                (void) !chdir("/");
        add(words, "another working directory");
}

static void check_mask(const Residue *residue, char *words) {
        if (umask(residue->mask) != residue->mask)
                add(words, "another umask");
}

/* Locale: numbers and times of the worker's own texts depend on it. */

static void check_locale(const Residue *residue, char *words) {
        const char *now = setlocale(LC_ALL, NULL);
        int is_same = now && residue->locale && !strcmp(now, residue->locale) &&
                      uselocale((locale_t) 0) == LC_GLOBAL_LOCALE;

        if (is_same)
                return;
        (void) uselocale(LC_GLOBAL_LOCALE);
        (void) setlocale(LC_ALL, residue->locale ? residue->locale : "C");
        add(words, "another locale");
}

/* Timers: one left running would send its signal to the next job. */

/* The kernel counts the timers of a process; what lies between two numbers was made meanwhile. */
static int next_timer(void) {
        struct sigevent event = {.sigev_notify = SIGEV_NONE};
        int id = -1;

        if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) < 0)
                return -1;
        (void) syscall(SYS_timer_delete, id);
        return id;
}

static void check_timers(Residue *residue, char *words) {
        static const struct itimerval none;
        struct itimerval left;
        unsigned long n = 0;

        for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
                if (setitimer((__itimer_which_t) which, &none, &left) == 0)
                        n += left.it_value.tv_sec || left.it_value.tv_usec;
        int now = next_timer();
        for (int id = residue->timer + 1; id < now && id - residue->timer < TIMERS_MAX; id++)
                n += syscall(SYS_timer_delete, id) == 0;
        residue->timer = now;
        if (n)
                add_count(words, n, "timer");
}

/* Signals. */

/* Those that end a worker, that a next plugin may rely on, or that the log needs (util/writer.c).
 */
static const int signals[] = {SIGHUP,  SIGINT,    SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,
                              SIGBUS,  SIGFPE,    SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
                              SIGALRM, SIGTERM,   SIGCHLD, SIGXCPU, SIGXFSZ, SIGPROF,
                              SIGSYS,  SIGVTALRM, SIGPOLL, SIGURG,  SIGTTOU};

static int is_same_action(const struct sigaction *a, const struct sigaction *b) {
        /* Set by the C library with every action, and by the kernel with none. */
        const int restorer = 0x04000000;
        return a->sa_handler == b->sa_handler && !((a->sa_flags ^ b->sa_flags) & ~restorer);
}

static void check_actions(const Residue *residue, char *words) {
        struct sigaction now;
        unsigned long n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                const struct sigaction *before = &residue->actions[signals[i]];
                if (sigaction(signals[i], NULL, &now) < 0 || is_same_action(&now, before))
                        continue;
                n += sigaction(signals[i], before, NULL) == 0;
        }
        if (n)
                add_count(words, n, "signal handler");
}

/* What waits behind the mask was meant for the plugin. Not a SIGTERM: that ends the worker. */
static void discard_pending(const Residue *residue) {
        sigset_t pending;

        (void) sigpending(&pending);
        for (int i = 1; i < RESIDUE_SIGNALS; i++)
                if (i != SIGTERM && sigismember(&pending, i) > 0) {
                        (void) signal(i, SIG_IGN);
                        (void) sigaction(i, &residue->actions[i], NULL);
                }
}

static void check_blocked(const Residue *residue, char *words) {
        sigset_t now;

        (void) sigprocmask(SIG_SETMASK, NULL, &now);
        for (int i = 1; i < NSIG; i++) {
                if (sigismember(&now, i) == sigismember(&residue->blocked, i))
                        continue;
                discard_pending(residue);
                (void) sigprocmask(SIG_SETMASK, &residue->blocked, NULL);
                add(words, "blocked signals");
                return;
        }
}

/* Limits and priority. */

static const __rlimit_resource_t resources[RESIDUE_LIMITS] = {
        RLIMIT_AS,    RLIMIT_CORE,   RLIMIT_CPU,   RLIMIT_DATA,
        RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_STACK,
};

static void check_limits(const Residue *residue, char *words) {
        struct rlimit now;
        unsigned long n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
                const struct rlimit *before = &residue->limits[i];
                if (getrlimit(resources[i], &now) < 0 ||
                    (now.rlim_cur == before->rlim_cur && now.rlim_max == before->rlim_max))
                        continue;
                n++;
                if (setrlimit(resources[i], before) < 0) {
                        now.rlim_cur = MIN_OF(now.rlim_max, before->rlim_cur);
                        (void) setrlimit(resources[i], &now);
                }
        }
        if (n)
                add_count(words, n, "resource limit");
        if (getpriority(PRIO_PROCESS, 0) != residue->priority)
                add(words, "another priority");
}

/* Whoever could look in then, has: the worker is replaced as after anything else. */
static void check_dumpable(const Residue *residue, char *words) {
        if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == residue->is_dumpable)
                return;
        (void) prctl(PR_SET_DUMPABLE, residue->is_dumpable, 0, 0, 0);
        add(words, residue->is_dumpable ? "a closed memory" : "an open memory");
}

/* Threads. */

/* A directory of /proc/self, kept open because that is cheaper to ask again and again. */
static DescriptorIdentity open_dir(const char *path) {
        return descriptor_identify(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* By its descriptor while the plugin has left that alone. */
static int stat_dir(const DescriptorIdentity *dir, const char *path, struct stat *ret) {
        if (dir->fd >= 0 && fstat(dir->fd, ret) == 0 && ret->st_dev == dir->device &&
            ret->st_ino == dir->inode)
                return 1;
        return stat(path, ret) == 0;
}

/* Links of the directory: two, and one for each thread; 0 without /proc. */
static unsigned long count_threads(const Residue *residue) {
        struct stat st;
        return stat_dir(&residue->task_dir, "/proc/self/task", &st) ? st.st_nlink : 0;
}

static void check_threads(const Residue *residue, char *words) {
        const struct timespec tick = {.tv_nsec = 1000000};
        unsigned long now = count_threads(residue);

        for (int i = 0; now > residue->threads && i < THREAD_TRIES; i++) {
                (void) nanosleep(&tick, NULL);
                now = count_threads(residue);
        }
        if (now > residue->threads)
                add_count(words, now - residue->threads, "thread");
}

/* Descriptors. */

/* As the kernel counts them; 0 where it does not (before Linux 6.2). */
static long count_fds(const Residue *residue, int own_fd) {
        struct stat st;

        if (!stat_dir(&residue->fd_dir, "/proc/self/fd", &st) || !st.st_size)
                return 0;
        return (long) st.st_size - (own_fd >= 0) - (long) residue->n_kept;
}

static int is_kept(const Residue *residue, int fd) {
        size_t i = 0;

        while (i < residue->n_kept && residue->kept[i] != fd)
                i++;
        return i < residue->n_kept;
}

static unsigned long count_open(const Residue *residue, int from, int to, int own_fd) {
        unsigned long n = 0;

        for (int fd = from; fd < to; fd++)
                n += fd != own_fd && fcntl(fd, F_GETFD) >= 0 && !is_kept(residue, fd);
        return n;
}

static void note_fds(Residue *residue, int own_fd) {
        residue->n_fds = count_fds(residue, own_fd);
        residue->low_fds = count_open(residue, 0, FDS_LOOKED_AT, own_fd);
        residue->high_fds = count_open(residue, FDS_LOOKED_AT, FDS_COUNTED, own_fd);
}

void residue_expect(Residue *residue, const int fds[], size_t n) {
        residue->n_kept = MIN_OF(n, RESIDUE_KEPT_MAX);
        memcpy(residue->kept, fds, residue->n_kept * sizeof(*fds));
}

/*
 * How many more are open: what a plugin has kept from its open() may be closed and opened again
 * under another number. Those far above are counted only when there seem to be any.
 */
static unsigned long count_new_fds(const Residue *residue, int own_fd) {
        if (residue->n_fds && count_fds(residue, own_fd) <= residue->n_fds)
                return 0;
        unsigned long before = residue->low_fds;
        unsigned long now = count_open(residue, 0, FDS_LOOKED_AT, own_fd);
        if (now > before || residue->n_fds) {
                before += residue->high_fds;
                now += count_open(residue, FDS_LOOKED_AT, FDS_COUNTED, own_fd);
        }
        return now > before ? now - before : 0;
}

/* Makes a copy that is not in the way of the low numbers. */
static DescriptorIdentity copy_errors(void) {
        return descriptor_identify(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

static int restore_errors(const DescriptorIdentity *copy) {
        return copy->fd >= 0 && descriptor_is_same(copy) && dup2(copy->fd, STDERR_FILENO) >= 0;
}

static void check_standard(const Residue *residue, char *words) {
        unsigned long n = 0;

        for (int fd = 0; fd < 3; fd++) {
                if (descriptor_is_same(&residue->standard[fd]))
                        continue;
                n++;
                if (fd == STDERR_FILENO && restore_errors(&residue->errors))
                        continue;
                (void) close(fd); /* at least one is missing then, and the lowest is filled first */
                (void) descriptors_mend_standard();
        }
        if (n)
                add(words, "other standard descriptors");
}

static void check_fds(const Residue *residue, int own_fd, char *words) {
        unsigned long n = count_new_fds(residue, own_fd);

        if (!descriptor_is_same(&residue->channel))
                add(words, "no way to its supervisor");
        if (n)
                add_count(words, n, "open descriptor");
        check_standard(residue, words);
}

int residue_init(Residue *residue, int channel, int own_fd) {
        *residue = (Residue){.environment = copy_environment(),
                             .priority = getpriority(PRIO_PROCESS, 0),
                             .is_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
                             .channel = descriptor_identify(channel)};
        const char *locale = setlocale(LC_ALL, NULL);

        residue->locale = strdup(locale ? locale : "C");
        if (!residue->environment || !residue->locale)
                return error_origin(-ENOMEM);
        note_directory(residue);
        residue->mask = umask(0);
        (void) umask(residue->mask);
        for (int i = 1; i < RESIDUE_SIGNALS; i++)
                (void) sigaction(i, NULL, &residue->actions[i]);
        (void) sigprocmask(SIG_SETMASK, NULL, &residue->blocked);
        for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
                (void) getrlimit(resources[i], &residue->limits[i]);
        for (int fd = 0; fd < 3; fd++)
                residue->standard[fd] = descriptor_identify(fd);
        residue->errors = copy_errors();
        residue->task_dir = open_dir("/proc/self/task");
        residue->fd_dir = open_dir("/proc/self/fd");
        residue->threads = residue->own_threads = count_threads(residue);
        note_fds(residue, own_fd);
        residue->timer = next_timer();
        return 0;
}

void residue_done(Residue *residue) {
        if (environ == residue->environment)
                return; /* in use */
        for (size_t i = 0; residue->environment && residue->environment[i]; i++)
                free(residue->environment[i]);
        free(residue->environment);
        free(residue->directory);
        free(residue->locale);
        *residue = (Residue){0};
}

int residue_after(Residue *residue, int own_fd, char words[RESIDUE_WORDS]) {
        words[0] = '\0';
        check_threads(residue, words);
        check_fds(residue, own_fd, words);
        check_timers(residue, words);
        check_actions(residue, words);
        check_blocked(residue, words);
        check_environment(residue, words);
        check_directory(residue, words);
        check_mask(residue, words);
        check_locale(residue, words);
        check_limits(residue, words);
        check_dumpable(residue, words);
        return words[0] != '\0';
}

int residue_keep(Residue *residue, int own_fd, char words[RESIDUE_WORDS]) {
        residue->threads = count_threads(residue);
        note_fds(residue, own_fd);
        return residue_after(residue, own_fd, words);
}

int residue_has_threads(const Residue *residue) {
        unsigned long now = count_threads(residue);
        return !now || now > residue->own_threads;
}
