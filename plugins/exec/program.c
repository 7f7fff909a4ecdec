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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/guard.h"
#include "exec/pipes.h"
#include "files/trusted.h"
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

#define MESSAGES_FILENO 3 /* of a resident program */
#define DESCRIPTORS_MAX 4

typedef struct ProgramChild {
        const ProgramSpec *spec;
        pid_t parent;
        pid_t group;
        int descriptors[DESCRIPTORS_MAX]; /* to become its descriptors from 0 on */
        int n_descriptors;
        int report; /* closed by a successful exec */
} ProgramChild;

static _Noreturn void fail_start(const ProgramChild *child, StartStep step) {
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

/* None of ours may have such a number, or one dup2() would overwrite what the next one needs. */
static void place_descriptors(ProgramChild *child) {
        const int n = child->n_descriptors;

        child->report = fcntl(child->report, F_DUPFD_CLOEXEC, n);
        for (int i = 0; i < n; i++)
                child->descriptors[i] = fcntl(child->descriptors[i], F_DUPFD_CLOEXEC, n);
        for (int i = 0; i < n; i++)
                if (dup2(child->descriptors[i], i) < 0)
                        fail_start(child, START_SETUP);
        if (close_range((unsigned) n, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                fail_start(child, START_SETUP);
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

static _Noreturn void run_child(ProgramChild *child) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != child->parent)
                _exit(127); /* the worker died in between: nobody is there to hear of it */
        place_descriptors(child);
        if (setpgid(0, child->group) < 0)
                fail_start(child, START_SETUP);
        if (chdir(child->spec->directory) < 0)
                fail_start(child, START_DIRECTORY);
        if (set_limits(&child->spec->limits))
                fail_start(child, START_SETUP);
        reset_signals();
        (void) execve(child->spec->argv[0], child->spec->argv, child->spec->environment);
        fail_start(child, START_EXECUTE);
}

/* Both processes, with all signals blocked from before the fork until each has its own mask. */
static int fork_both(Program *program, ProgramChild *child) {
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

static int make_pipes(Program *program, ProgramChild *child, int *ret_report) {
        int *fds = child->descriptors;

        int r = pipe_make(&fds[STDIN_FILENO], &program->input);
        if (!r)
                r = pipe_make(&program->output,
                              &fds[child->spec->is_resident ? MESSAGES_FILENO : STDOUT_FILENO]);
        if (!r)
                r = pipe_make(&program->errors, &fds[STDERR_FILENO]);
        if (!r && child->spec->is_resident) {
                fds[STDOUT_FILENO] = fcntl(fds[STDERR_FILENO], F_DUPFD_CLOEXEC, 0);
                r = fds[STDOUT_FILENO] < 0 ? error_origin(-errno) : 0;
        }
        if (!r)
                r = pipe_make(ret_report, &child->report);
        if (!r)
                r = pipe_set_nonblocking(program->input);
        if (!r)
                r = pipe_set_nonblocking(program->output);
        if (!r)
                r = pipe_set_nonblocking(program->errors);
        return r;
}

/* Waits for the exec; returns 0 when it succeeded. */
static int await_exec(int report, StartFailure *failure) {
        ssize_t n;

        do
                n = read(report, failure, sizeof(*failure));
        while (n < 0 && errno == EINTR);
        return n ? PROGRAM_E_START : 0;
}

static void explain_failure(const ProgramChild *child, StartFailure failure, char *why,
                            size_t size) {
        const char *words = strerror(failure.error);

        if (failure.step == START_EXECUTE)
                (void) snprintf(why, size, "could not execute '%s': %s", child->spec->argv[0],
                                words);
        else if (failure.step == START_DIRECTORY)
                (void) snprintf(why, size, "could not change to directory '%s': %s",
                                child->spec->directory, words);
        else
                (void) snprintf(why, size, "could not start '%s': %s", child->spec->argv[0], words);
}

int program_check(const char *path, char *why, size_t size) {
        _cleanup_(closep) int fd = -1;
        char problem[400];
        struct stat status;

        int r = trusted_find(path, TRUST_FILE, &fd, problem, sizeof(problem));
        if (!r && fstat(fd, &status) < 0)
                r = -errno;
        if (!r && S_ISREG(status.st_mode) && access(path, X_OK) < 0)
                r = -errno;
        if (r > 0)
                (void) snprintf(why, size, "'%s' is not executed: %s", path, problem);
        else if (r < 0)
                (void) snprintf(why, size, "'%s' cannot be executed: %s", path, strerror(-r));
        else if (!S_ISREG(status.st_mode))
                (void) snprintf(why, size, "'%s' is not a regular file", path);
        else
                return 0;
        return PROGRAM_E_START;
}

static void identify_descriptors(Program *program) {
        const int fds[PROGRAM_FDS] = {program->pidfd, program->input, program->output,
                                      program->errors};

        for (size_t i = 0; i < PROGRAM_FDS; i++)
                program->identities[i] = descriptor_identify(fds[i]);
}

int program_is_connected(const Program *program) {
        int is_open = program->pidfd >= 0 && program->input >= 0 && program->output >= 0 &&
                      program->errors >= 0;

        for (size_t i = 0; is_open && i < PROGRAM_FDS; i++)
                is_open = descriptor_is_same(&program->identities[i]);
        return is_open;
}

int program_start(Program *program, const ProgramSpec *spec, char *why, size_t size) {
        ProgramChild child = {.spec = spec,
                              .parent = getpid(),
                              .descriptors = {-1, -1, -1, -1},
                              .n_descriptors = spec->is_resident ? MESSAGES_FILENO + 1 : 3,
                              .report = -1};
        _cleanup_(closep) int report = -1;
        StartFailure failure = {.step = START_SETUP};

        if (program_check(spec->argv[0], why, size))
                return PROGRAM_E_START;
        int r = make_pipes(program, &child, &report);
        if (!r)
                r = fork_both(program, &child);
        for (int i = 0; i < DESCRIPTORS_MAX; i++)
                pipe_close(&child.descriptors[i]);
        pipe_close(&child.report); /* or the end of the child's would never be seen */
        if (!r) {
                program->pidfd = pidfd_open(program->pid, 0);
                r = program->pidfd < 0 ? -errno : await_exec(report, &failure);
        }
        if (r < 0)
                failure.error = -r;
        if (!r) {
                identify_descriptors(program);
                return 0;
        }
        explain_failure(&child, failure, why, size);
        return PROGRAM_E_START;
}

void program_allow_cpu(const Program *program, uint64_t seconds) {
        usec_t used = program_cpu_usec(program);
        struct rlimit limit;

        if (prlimit(program->pid, RLIMIT_CPU, NULL, &limit) < 0)
                return; /* its own doing: it has become another user's */
        limit.rlim_cur = limit.rlim_max;
        if (seconds)
                limit.rlim_cur = MIN_OF(limit.rlim_max, used / USEC_PER_SEC + 1 + seconds);
        (void) prlimit(program->pid, RLIMIT_CPU, &limit, NULL);
}

usec_t program_cpu_usec(const Program *program) {
        return program->pid > 0 ? clock_cpu_usec_of(program->pid) : 0;
}

static void signal_alone(const Program *program, int signal) {
        if (program->pidfd >= 0)
                (void) pidfd_send_signal(program->pidfd, signal, NULL, 0);
        else
                (void) kill(program->pid, signal); /* could not be started: not reaped yet */
}

/*
 * The program may not have joined the group yet, or have left it ("setsid program"), and it may do
 * so while this runs: the look comes first, so that who joins after it gets the signal twice rather
 * than never, and the one signal that is waited for goes to both in any case.
 */
void program_signal(const Program *program, int signal) {
        int is_alone = program->pid > 0 && getpgid(program->pid) != program->guard;

        if (program->guard > 0)
                (void) kill(-program->guard, signal);
        if (is_alone || (program->pid > 0 && signal == SIGKILL))
                signal_alone(program, signal);
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

/* What has its number now may be somebody else's. */
static void close_own(int *fd, const DescriptorIdentity *identity) {
        if (*fd >= 0 && descriptor_is_same(identity))
                (void) close(*fd);
        *fd = -1;
}

void program_done(Program *program) {
        (void) program_end(program);
        close_own(&program->pidfd, &program->identities[0]);
        close_own(&program->input, &program->identities[1]);
        close_own(&program->output, &program->identities[2]);
        close_own(&program->errors, &program->identities[3]);
}
