/*
 * One loop feeds the program its parameters, takes what it writes and watches for its end. Nothing
 * here blocks for longer than a tick, whatever the program does, so that a cancel or a timeout is
 * always seen. Which signal is due is decided in ending.c, what the end means in verdict.c.
 */
#include "exec/exec_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "exec/ending.h"
#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/program.h"
#include "exec/relay.h"
#include "util/error.h"

#define TICK_MSEC 50

typedef int (*LineFn)(Relay *relay, char *line, size_t length);

/* One of the program's two outputs. */
typedef struct Stream {
        int *fd; /* in `program`; -1 after the end */
        LineBuffer buffer;
        LineFn on_line;
} Stream;

typedef struct Run {
        const ExecModel *model;
        struct rj_context *context;
        Program program;
        Stream output, errors;
        const char *input; /* what the program has not taken yet of its parameters */
        size_t input_left;
        Ending ending;
        Relay relay;
} Run;

static void run_done(Run *run) {
        program_done(&run->program);
        line_buffer_done(&run->output.buffer);
        line_buffer_done(&run->errors.buffer);
}

static void close_fd(int *fd) {
        closep(fd);
        *fd = -1;
}

/*
 * A program may end, or close its standard input, without having read it. A socket would have
 * MSG_NOSIGNAL, but cannot be opened as /dev/stdin.
 */
static ssize_t write_quietly(int fd, const void *data, size_t size) {
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

        (void) sigaction(SIGPIPE, &ignore, &before);
        ssize_t n = write(fd, data, size);
        int error = errno;
        (void) sigaction(SIGPIPE, &before, NULL);
        errno = error;
        return n;
}

static void feed(Run *run) {
        ssize_t n = write_quietly(run->program.input, run->input, run->input_left);

        if (n > 0) {
                run->input += n;
                run->input_left -= (size_t) n;
        }
        if (!run->input_left || (n < 0 && errno != EAGAIN && errno != EINTR))
                close_fd(&run->program.input);
}

/* Hands over every whole line. 0, the host's negative value, or LINE_BUFFER_E_LONG, _MANY. */
static int hand_over(Run *run, Stream *stream) {
        char *line;
        size_t length;
        int r;

        while (!(r = line_buffer_next(&stream->buffer, &line, &length)))
                if ((r = stream->on_line(&run->relay, line, length)) < 0)
                        return r;
        return r == LINE_BUFFER_E_NONE ? 0 : r;
}

/*
 * Reads once, at most *left bytes, and takes them off *left; 0 is left where nothing was there.
 * Closes the stream at its end. Returns as hand_over().
 */
static int take(Run *run, Stream *stream, size_t *left) {
        size_t size;
        char *space = line_buffer_space(&stream->buffer, &size);
        ssize_t n = read(*stream->fd, space, MIN_OF(size, *left));

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                *left = 0;
                return 0;
        }
        if (n > 0) {
                line_buffer_filled(&stream->buffer, (size_t) n);
                *left -= (size_t) n;
        } else {
                line_buffer_finish(&stream->buffer);
                close_fd(stream->fd);
                *left = 0;
        }
        return hand_over(run, stream);
}

/*
 * After the program's end: what it has left in the pipe, and no more. A descendant that keeps the
 * pipe open, or even goes on writing, is not waited for.
 */
static int drain(Run *run, Stream *stream) {
        int available = 0, r = 0;

        if (*stream->fd >= 0)
                (void) ioctl(*stream->fd, FIONREAD, &available);
        for (size_t left = (size_t) available; !r && left;)
                r = take(run, stream, &left);
        line_buffer_finish(&stream->buffer);
        return r ? r : hand_over(run, stream);
}

static int serve(Run *run, Stream *stream) {
        size_t left = SIZE_MAX;
        return take(run, stream, &left);
}

/* Until the program has ended, or must be. Returns 0, the host's negative value, or a limit. */
static int watch(Run *run) {
        const EndPolicy policy = {.cancel_signal = run->model->cancel_signal,
                                  .kill_after_usec = run->model->kill_after_usec};
        int r = 0;

        while (!r) {
                struct pollfd fds[] = {
                        {.fd = run->program.pidfd, .events = POLLIN},
                        {.fd = run->program.input, .events = POLLOUT},
                        {.fd = run->program.output, .events = POLLIN},
                        {.fd = run->program.errors, .events = POLLIN},
                };
                if (poll(fds, ARRAY_SIZE(fds), TICK_MSEC) < 0 && errno != EINTR)
                        return RJ_E_FATAL;
                if (fds[0].revents) /* before the cancel: what is done is done */
                        return 0;
                int signal = ending_step(&run->ending, &policy, rj_canceled(run->context),
                                         clock_now_usec());
                if (signal)
                        program_signal(&run->program, signal);
                if (fds[1].revents)
                        feed(run);
                if (fds[2].revents)
                        r = serve(run, &run->output);
                if (!r && fds[3].revents)
                        r = serve(run, &run->errors);
        }
        return r;
}

/* Returns 0, or RJ_FAILED with the reason in `why`. */
static int begin(Run *run, char *why, size_t size) {
        const ExecModel *model = run->model;
        _cleanup_(environment_freep) char **environment =
                environment_new(model->name, run->context->job_id, run->context->co_id,
                                getenv("HOME"), model->environment, model->n_environment);

        if (!environment || line_buffer_init(&run->output.buffer, model->limits) ||
            line_buffer_init(&run->errors.buffer, model->limits)) {
                (void) snprintf(why, size, "could not start '%s': %s", model->argv[0],
                                strerror(ENOMEM));
                return RJ_FAILED;
        }
        run->input = run->context->host->param_json(run->context);
        run->input_left = strlen(run->input);
        if (program_start(&run->program, model->argv, environment, model->directory,
                          &model->program_limits, why, size))
                return RJ_FAILED;
        run->ending = ending_begin(model->timeout_usec, clock_now_usec());
        return 0;
}

/* `r` is what watch() returned. */
static int conclude(Run *run, int r, char summary[VERDICT_SUMMARY_SIZE]) {
        EndFacts facts = {.status = program_end(&run->program),
                          .path = run->model->argv[0],
                          .limits = run->model->limits,
                          .timeout = run->model->timeout,
                          .summary = run->relay.summary};

        if (!r)
                r = drain(run, &run->output);
        if (!r)
                r = drain(run, &run->errors);
        if (r < 0)
                return r;
        if (r && run->ending.reason == END_ITSELF)
                run->ending.reason = r == LINE_BUFFER_E_LONG ? END_LONG_LINE : END_MANY_LINES;
        facts.reason = run->ending.reason;
        return verdict_reach(&facts, summary);
}

static int run_program(struct rj_context *context, char summary[VERDICT_SUMMARY_SIZE]) {
        _cleanup_(run_done) Run run = {.model = context->model->data,
                                       .context = context,
                                       .program = PROGRAM_INIT,
                                       .relay = {.context = context}};
        run.output = (Stream){.fd = &run.program.output, .on_line = relay_output};
        run.errors = (Stream){.fd = &run.program.errors, .on_line = relay_errors};

        int r = begin(&run, summary, VERDICT_SUMMARY_SIZE);
        return r ? r : conclude(&run, watch(&run), summary);
}

int exec_run(struct rj_context *context) {
        char summary[VERDICT_SUMMARY_SIZE] = "canceled";
        int code = rj_canceled(context) ? RJ_CANCELED : run_program(context, summary);

        if (code < 0 || !*summary)
                return code;
        int r = context->host->summary(context, summary);
        return r < 0 ? r : code;
}
