/*
 * fork and exec by hand: the child needs its group, its death signal, clean signal dispositions, no
 * descriptor of ours and a way to say what went wrong. Everything that it uses was made before the
 * fork, because the worker has a second thread and the child may therefore not allocate.
 */
#include "exec/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/guard.h"
#include "util/error.h"
#include "util/macro.h"

/* What the child tells when it cannot become the program. */
typedef enum StartStep {
        START_SETUP,
        START_DIRECTORY,
        START_EXECUTE,
} StartStep;

typedef struct StartFailure {
        StartStep step;
        int error;
} StartFailure;

typedef struct Child {
        char *const *argv;
        char *const *environment;
        const char *directory;
        const ProgramLimits *limits;
        pid_t parent;
        pid_t group;
        int standard[3]; /* to become its descriptors 0, 1, 2 */
        int report;      /* closed by a successful exec */
} Child;

static _Noreturn void fail(const Child *child, StartStep step) {
        StartFailure failure = {.step = step, .error = errno};

        if (write(child->report, &failure, sizeof(failure)) < 0)
                _exit(126); /* nobody listens any more */
        _exit(127);
}

/* The handlers do not survive exec, but what is ignored or blocked would. */
static void reset_signals(void) {
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void) signal(i, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* None of ours may be 0, 1 or 2, or one dup2() would overwrite what the next one needs. */
static void place_descriptors(Child *child) {
        child->report = fcntl(child->report, F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 3; i++)
                child->standard[i] = fcntl(child->standard[i], F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 3; i++)
                if (dup2(child->standard[i], i) < 0)
                        fail(child, START_SETUP);
        if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                fail(child, START_SETUP);
}

/* The hard limits too, so that the program cannot take them back; never more than it had. */
static int set_limit(__rlimit_resource_t resource, uint64_t soft, uint64_t hard) {
        struct rlimit limit;

        if (!soft)
                return 0;
        if (getrlimit(resource, &limit) < 0)
                return -1;
        limit.rlim_max = MIN_OF(limit.rlim_max, hard);
        limit.rlim_cur = MIN_OF(limit.rlim_max, soft);
        return setrlimit(resource, &limit);
}

static int set_limits(const ProgramLimits *limits) {
        return set_limit(RLIMIT_DATA, limits->memory_bytes, limits->memory_bytes) < 0 ||
               set_limit(RLIMIT_CPU, limits->cpu_seconds, limits->cpu_seconds + 1) < 0 ||
               set_limit(RLIMIT_NOFILE, limits->open_files, limits->open_files) < 0;
}

static _Noreturn void run_child(Child *child) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != child->parent)
                _exit(127); /* the worker died in between: nobody is there to hear of it */
        place_descriptors(child);
        if (setpgid(0, child->group) < 0)
                fail(child, START_SETUP);
        if (chdir(child->directory) < 0)
                fail(child, START_DIRECTORY);
        if (set_limits(child->limits))
                fail(child, START_SETUP);
        reset_signals();
        (void) execve(child->argv[0], child->argv, child->environment);
        fail(child, START_EXECUTE);
}

/* Both processes, with all signals blocked from before the fork until each has its own mask. */
static int fork_both(Program *program, Child *child) {
        sigset_t all, before;

        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        int r = guard_start(&program->guard);
        if (!r) {
                child->group = program->guard;
                program->pid = fork();
                if (program->pid == 0)
                        run_child(child);
                if (program->pid < 0) {
                        r = error_origin(-errno);
                        program->pid = 0;
                }
        }
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int make_pipe(int *ret_read, int *ret_write) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_origin(-errno);
        *ret_read = fds[0];
        *ret_write = fds[1];
        return 0;
}

/* Of our end only: the program gets pipes as it expects them. */
static int set_nonblocking(int fd) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return error_origin(-errno);
        return 0;
}

static int make_pipes(Program *program, Child *child, int *ret_report) {
        int r = make_pipe(&child->standard[STDIN_FILENO], &program->input);
        if (!r)
                r = make_pipe(&program->output, &child->standard[STDOUT_FILENO]);
        if (!r)
                r = make_pipe(&program->errors, &child->standard[STDERR_FILENO]);
        if (!r)
                r = make_pipe(ret_report, &child->report);
        if (!r)
                r = set_nonblocking(program->input);
        if (!r)
                r = set_nonblocking(program->output);
        if (!r)
                r = set_nonblocking(program->errors);
        return r;
}

static void close_fd(int *fd) {
        closep(fd);
        *fd = -1;
}

/* Waits for the exec; returns 0 when it succeeded. */
static int await_exec(int report, StartFailure *failure) {
        ssize_t n;

        do
                n = read(report, failure, sizeof(*failure));
        while (n < 0 && errno == EINTR);
        return n ? PROGRAM_E_START : 0;
}

static void explain(const Child *child, StartFailure failure, char *why, size_t size) {
        const char *words = strerror(failure.error);

        if (failure.step == START_EXECUTE)
                (void) snprintf(why, size, "could not execute '%s': %s", child->argv[0], words);
        else if (failure.step == START_DIRECTORY)
                (void) snprintf(why, size, "could not change to directory '%s': %s",
                                child->directory, words);
        else
                (void) snprintf(why, size, "could not start '%s': %s", child->argv[0], words);
}

int program_start(Program *program, char *const argv[], char *const environment[],
                  const char *directory, const ProgramLimits *limits, char *why, size_t size) {
        Child child = {.argv = argv,
                       .environment = environment,
                       .directory = directory,
                       .limits = limits,
                       .parent = getpid(),
                       .standard = {-1, -1, -1},
                       .report = -1};
        _cleanup_(closep) int report = -1;
        StartFailure failure = {.step = START_SETUP};

        int r = make_pipes(program, &child, &report);
        if (!r)
                r = fork_both(program, &child);
        for (int i = 0; i < 3; i++)
                close_fd(&child.standard[i]);
        close_fd(&child.report); /* or the end of the child's would never be seen */
        if (!r) {
                program->pidfd = pidfd_open(program->pid, 0);
                r = program->pidfd < 0 ? -errno : await_exec(report, &failure);
        }
        if (r < 0)
                failure.error = -r;
        if (!r)
                return 0;
        explain(&child, failure, why, size);
        return PROGRAM_E_START;
}

void program_signal(const Program *program, int signal) {
        if (program->guard > 0)
                (void) kill(-program->guard, signal);
        /* "setsid program", for example. */
        if (program->pidfd >= 0 && program->pid > 0 && getpgid(program->pid) != program->guard)
                (void) pidfd_send_signal(program->pidfd, signal, NULL, 0);
}

static int reap(pid_t *pid) {
        int status = -1;
        pid_t n = *pid;

        while (*pid > 0 && (n = waitpid(*pid, &status, 0)) < 0 && errno == EINTR)
                ;
        if (n != *pid)
                status = -1; /* SIGCHLD is ignored, or somebody else reaps here */
        *pid = 0;
        return status;
}

int program_end(Program *program) {
        program_signal(program, SIGKILL);
        int status = reap(&program->pid);
        (void) reap(&program->guard); /* last: until here the group's number is ours */
        return status;
}

void program_done(Program *program) {
        (void) program_end(program);
        close_fd(&program->pidfd);
        close_fd(&program->input);
        close_fd(&program->output);
        close_fd(&program->errors);
}
