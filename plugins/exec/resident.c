/*
 * A program has start_timeout to say that it is ready, counted from its start: a cancel of the job
 * that it was started for ends the waiting, not the program, and the next job waits for the rest.
 * Its first line may be long, since it can name thousands of models; the buffer for it is kept,
 * and costs what was really written.
 */
#include "exec/resident.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "exec/environment.h"
#include "exec/relay.h"
#include "util/error.h"
#include "util/text.h"

#define TICK_MSEC 20
#define RESIDENT_E_READY (-1) /* of on_first_line(): no line is taken after that one */

int resident_new(const ExecModel *model, Resident **ret) {
        _cleanup_(resident_freep) Resident *resident = calloc(1, sizeof(*resident));

        if (!resident)
                return error_origin(-ENOMEM);
        resident->model = model;
        resident->program = (Program) PROGRAM_INIT;
        resident->output.fd = &resident->program.output;
        resident->errors.fd = &resident->program.errors;
        *ret = TAKE_PTR(resident);
        return 0;
}

int resident_end(Resident *resident) {
        int status = program_end(&resident->program);

        program_done(&resident->program);
        resident->program = (Program) PROGRAM_INIT;
        line_buffer_done(&resident->output.buffer);
        line_buffer_done(&resident->errors.buffer);
        resident->ready = ready_free(resident->ready);
        return status;
}

Resident *resident_free(Resident *resident) {
        if (resident)
                (void) resident_end(resident);
        free(resident);
        return NULL;
}

/* One that has ended, or has closed its standard input, takes no further job. */
int resident_is_up(const Resident *resident) {
        struct pollfd fds[] = {{.fd = resident->program.pidfd, .events = POLLIN},
                               {.fd = resident->program.input}};
        return resident->ready && program_is_connected(&resident->program) &&
               poll(fds, ARRAY_SIZE(fds), 0) == 0;
}

static int begin(Resident *resident, char *why, size_t size) {
        const ExecModel *model = resident->model;
        _cleanup_(environment_freep) char **environment = environment_new(
                NULL, 0, 0, getenv("HOME"), model->environment, model->n_environment);
        const ProgramSpec spec = {.argv = model->argv,
                                  .environment = environment,
                                  .directory = model->directory,
                                  .limits = {.memory_bytes = model->program_limits.memory_bytes,
                                             .open_files = model->program_limits.open_files},
                                  .is_resident = 1};

        if (!environment || line_buffer_init(&resident->output.buffer, READY_BYTES_MAX) ||
            line_buffer_init(&resident->errors.buffer, model->limits.line_bytes)) {
                (void) snprintf(why, size, "could not start '%s': %s", model->argv[0],
                                strerror(ENOMEM));
                return RESIDENT_E_FAILED;
        }
        resident->has_cpu_limit = 1;
        resident->start_end_usec = usec_add(clock_now_usec(), model->start_usec);
        return program_start(&resident->program, &spec, why, size) ? RESIDENT_E_FAILED : 0;
}

/* A LineFn. */
static int on_first_line(void *userdata, char *line, size_t length, int is_cut) {
        Resident *resident = userdata;
        char problem[280];

        if (!length)
                return 0;
        int r = READY_E_MALFORMED;
        if (is_cut)
                (void) snprintf(problem, sizeof(problem), "more than %zu bytes", READY_BYTES_MAX);
        else
                r = ready_parse(line, length, &resident->ready, problem, sizeof(problem));
        if (r < 0)
                (void) snprintf(problem, sizeof(problem), "%s", strerror(-r));
        if (r)
                (void) snprintf(resident->why, sizeof(resident->why),
                                r == READY_E_FAILED ? "%s" : "did not say that it is ready: %s",
                                problem);
        resident->has_said_why = r == READY_E_FAILED;
        return r ? RESIDENT_E_FAILED : RESIDENT_E_READY;
}

/* Until it is ready: 0; RESIDENT_E_*, with words in resident->why for RESIDENT_E_FAILED. */
static int await_ready(Resident *resident, const struct rj_context *context) {
        for (;;) {
                const Program *program = &resident->program;
                struct pollfd fds[] = {{.fd = program->pidfd, .events = POLLIN},
                                       {.fd = program->output, .events = POLLIN},
                                       {.fd = program->errors, .events = POLLIN}};
                int r = 0;

                if (poll(fds, ARRAY_SIZE(fds), TICK_MSEC) < 0 && errno != EINTR)
                        return RESIDENT_E_FAILED;
                if (fds[2].revents)
                        (void) stream_serve(&resident->errors);
                if (fds[1].revents)
                        r = stream_serve(&resident->output);
                if (!r && fds[0].revents)
                        r = stream_finish(&resident->output);
                if (r)
                        return r == RESIDENT_E_READY ? 0 : r;
                if (fds[0].revents) {
                        (void) stream_finish(&resident->errors);
                        verdict_describe_end(program_end(&resident->program),
                                             " before it was ready", resident->why,
                                             sizeof(resident->why));
                        return RESIDENT_E_FAILED;
                }
                if (rj_canceled(context))
                        return RESIDENT_E_CANCELED;
                if (clock_now_usec() >= resident->start_end_usec) {
                        (void) snprintf(resident->why, sizeof(resident->why),
                                        "did not say that it is ready within %s",
                                        resident->model->start);
                        return RESIDENT_E_FAILED;
                }
        }
}

/* Where it runs first, nobody asks for a program, but for what it stands for. */
static void describe_failure(const Resident *resident, char *why, size_t size) {
        const ExecModel *model = resident->model;

        if (resident->has_said_why && model->starts_first)
                (void) snprintf(why, size, "%s", resident->why);
        else
                (void) snprintf(why, size, "'%.150s' %s%s", model->argv[0],
                                resident->has_said_why ? "cannot start: " : "", resident->why);
}

int resident_start(Resident *resident, struct rj_context *context, char *why, size_t size) {
        const ExecModel *model = resident->model;
        Relay relay = {.context = context, .limits = model->limits};
        int r = 0;

        if (resident_is_up(resident))
                return 0;
        if (resident->ready) /* it was, and is not any more */
                (void) resident_end(resident);
        if (!resident->program.pid)
                r = begin(resident, why, size);
        if (!r) {
                (void) snprintf(resident->why, sizeof(resident->why), "%s", "could not be watched");
                resident->has_said_why = 0;
                resident->output.on_line = on_first_line;
                resident->output.userdata = resident;
                resident->errors.on_line = relay_errors;
                resident->errors.userdata = &relay;
                r = await_ready(resident, context);
                if (r == RESIDENT_E_FAILED)
                        describe_failure(resident, why, size);
                relay_finish(&relay);
        }
        if (r == RESIDENT_E_FAILED)
                (void) resident_end(resident);
        return r;
}

int resident_find(const Resident *resident, const char *name, const ReadyModel **ret, char *why,
                  size_t size) {
        const Ready *ready = resident->ready;

        *ret = ready_find(ready, name);
        if (*ret || !ready->n_models)
                return 0;
        (void) snprintf(why, size, "'%.100s' does not provide %s, but %s", resident->model->argv[0],
                        name, ready->models[0].name);
        if (ready->n_models > 1)
                (void) text_append(why, size, " and %zu other%s", ready->n_models - 1,
                                   ready->n_models == 2 ? "" : "s");
        return RESIDENT_E_FAILED;
}
