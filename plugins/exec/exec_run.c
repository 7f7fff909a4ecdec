/*
 * One loop feeds the program its parameters, takes what it writes and watches for its end. Nothing
 * here blocks for longer than a tick, whatever the program does, so that a cancel or a timeout is
 * always seen. Which signal is due is decided in ending.c, what the end means in verdict.c.
 */
#include "exec/exec_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "exec/ending.h"
#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/pipes.h"
#include "exec/program.h"
#include "exec/relay.h"
#include "exec/resident_run.h"
#include "util/error.h"

#define TICK_MSEC 50

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

static void feed_parameters(Run *run) {
        ssize_t n = pipe_write(run->program.input, run->input, run->input_left);

        if (n > 0) {
                run->input += n;
                run->input_left -= (size_t) n;
        }
        if (!run->input_left || (n < 0 && errno != EAGAIN && errno != EINTR))
                pipe_close(&run->program.input);
}

/* Until the program has ended, or must be. Returns 0, the host's negative value, or a limit. */
static int watch_program(Run *run) {
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
                        feed_parameters(run);
                if (fds[2].revents)
                        r = stream_serve(&run->output);
                if (!r && fds[3].revents)
                        r = stream_serve(&run->errors);
        }
        return r;
}

/* Returns 0, or RJ_FAILED with the reason in `why`. */
static int start_run(Run *run, char *why, size_t size) {
        const ExecModel *model = run->model;
        _cleanup_(environment_freep) char **environment =
                environment_new(model->name, run->context->job_id, run->context->co_id,
                                getenv("HOME"), model->environment, model->n_environment);

        if (!environment || line_buffer_init(&run->output.buffer, model->limits.line_bytes) ||
            line_buffer_init(&run->errors.buffer, model->limits.line_bytes)) {
                (void) snprintf(why, size, "could not start '%s': %s", model->argv[0],
                                strerror(ENOMEM));
                return RJ_FAILED;
        }
        run->input = run->context->host->param_json(run->context);
        run->input_left = strlen(run->input);
        const ProgramSpec spec = {.argv = model->argv,
                                  .environment = environment,
                                  .directory = model->directory,
                                  .limits = model->program_limits};
        if (program_start(&run->program, &spec, why, size))
                return RJ_FAILED;
        run->ending = ending_begin(model->timeout_usec, clock_now_usec());
        return 0;
}

/* `r` is what watch_program() returned. */
static int conclude_run(Run *run, int r, char summary[VERDICT_SUMMARY_SIZE]) {
        EndFacts facts = {.status = program_end(&run->program),
                          .path = run->model->argv[0],
                          .limits = run->model->limits,
                          .timeout = run->model->timeout,
                          .summary = run->relay.summary};

        if (!r)
                r = stream_finish(&run->output);
        if (!r)
                r = stream_finish(&run->errors);
        relay_finish(&run->relay);
        if (r < 0)
                return r;
        if (r && run->ending.reason == END_ITSELF)
                run->ending.reason = r == RELAY_E_LONG ? END_LONG_MESSAGE : END_MANY_MESSAGES;
        facts.reason = run->ending.reason;
        return relay_judge(&run->relay, &facts, summary);
}

static int run_program(struct rj_context *context, char summary[VERDICT_SUMMARY_SIZE]) {
        const ExecModel *model = context->model->data;
        _cleanup_(run_done) Run run = {.model = model,
                                       .context = context,
                                       .program = PROGRAM_INIT,
                                       .relay = {.context = context, .limits = model->limits}};
        run.output = (Stream){
                .fd = &run.program.output, .on_line = relay_output, .userdata = &run.relay};
        run.errors = (Stream){
                .fd = &run.program.errors, .on_line = relay_errors, .userdata = &run.relay};

        int r = start_run(&run, summary, VERDICT_SUMMARY_SIZE);
        return r ? r : conclude_run(&run, watch_program(&run), summary);
}

int exec_run(struct rj_context *context) {
        const ExecModel *model = context->model->data;
        char summary[VERDICT_SUMMARY_SIZE] = "canceled";
        int code = rj_canceled(context) ? RJ_CANCELED
                   : model->is_resident ? resident_run(model, context, summary)
                                        : run_program(context, summary);

        if (code < 0 || !*summary)
                return code;
        int r = context->host->summary(context, summary);
        return r < 0 ? r : code;
}
