/*
 * One loop feeds the program its text, takes what it writes and watches for its end. Nothing here
 * blocks for longer than a tick, whatever the program does, so that a cancel or a timeout is always
 * seen.
 */
#include "exec/one_shot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "exec/exec_model_private.h"

#define TICK_MSEC 50

static void feed_input(OneShot *shot) {
        ssize_t n = pipe_write(shot->program.input, shot->input, shot->input_left);

        if (n > 0) {
                shot->input += n;
                shot->input_left -= (size_t) n;
        }
        if (!shot->input_left || (n < 0 && errno != EAGAIN && errno != EINTR))
                pipe_close(&shot->program.input);
}

int one_shot_watch(OneShot *shot, const struct rj_context *context) {
        const EndPolicy policy = {.cancel_signal = shot->model->cancel_signal,
                                  .kill_after_usec = shot->model->kill_after_usec};
        int r = 0;

        while (!r) {
                struct pollfd fds[] = {
                        {.fd = shot->program.pidfd, .events = POLLIN},
                        {.fd = shot->program.input, .events = POLLOUT},
                        {.fd = shot->program.output, .events = POLLIN},
                        {.fd = shot->program.errors, .events = POLLIN},
                };
                if (poll(fds, ARRAY_SIZE(fds), TICK_MSEC) < 0 && errno != EINTR)
                        return RJ_E_FATAL;
                if (fds[0].revents) /* before the cancel: what is done is done */
                        return 0;
                int signal =
                        ending_step(&shot->ending, &policy, rj_canceled(context), clock_now_usec());
                if (signal)
                        program_signal(&shot->program, signal);
                if (fds[1].revents)
                        feed_input(shot);
                if (fds[2].revents)
                        r = stream_serve(&shot->output);
                if (!r && fds[3].revents)
                        r = stream_serve(&shot->errors);
        }
        return r;
}

int one_shot_start(OneShot *shot, char *const environment[], const char *input, size_t line_bytes,
                   char *why, size_t size) {
        const ExecModel *model = shot->model;

        shot->output.fd = &shot->program.output;
        shot->errors.fd = &shot->program.errors;
        if (!environment || line_buffer_init(&shot->output.buffer, line_bytes) ||
            line_buffer_init(&shot->errors.buffer, line_bytes)) {
                (void) snprintf(why, size, "could not start '%s': %s", model->argv[0],
                                strerror(ENOMEM));
                return RJ_FAILED;
        }
        shot->input = input;
        shot->input_left = strlen(input);
        const ProgramSpec spec = {.argv = model->argv,
                                  .environment = environment,
                                  .directory = model->directory,
                                  .limits = model->program_limits};
        if (program_start(&shot->program, &spec, why, size))
                return RJ_FAILED;
        shot->ending = ending_begin(model->timeout_usec, clock_now_usec());
        return 0;
}

int one_shot_finish(OneShot *shot, int r, int *ret_status) {
        *ret_status = program_end(&shot->program);
        if (!r)
                r = stream_finish(&shot->output);
        if (!r)
                r = stream_finish(&shot->errors);
        return r;
}

void one_shot_done(OneShot *shot) {
        program_done(&shot->program);
        line_buffer_done(&shot->output.buffer);
        line_buffer_done(&shot->errors.buffer);
}
