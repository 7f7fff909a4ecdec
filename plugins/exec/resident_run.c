/*
 * One line gives the program its job, and the job lasts until the program has said that it is over,
 * or is gone. Only after a proper end the program is kept: whatever else happens, nobody knows what
 * it goes on with, and it is killed.
 *
 * What is in the pipe before the job was given cannot be of it, whatever number it carries. A
 * program that is gone and has not read a byte of its job was never given it, because it had ended
 * by itself, or of the signal for the job before: a new one gets the job then, once.
 *
 * A signal that stops a job may reach the program when it has just ended the job. It is sent before
 * the next job is written, so that the program has it before it can read that one.
 */
#include "exec/resident_run.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "exec/ending.h"
#include "exec/relay.h"
#include "exec/resident.h"
#include "util/error.h"
#include "util/text.h"

/* How late a cancel may be seen; whatever the program writes wakes at once. */
#define TICK_MSEC 20
/* From a closed pipe to the end of its program, which closes all. */
#define BROKEN_USEC USEC_PER_SEC
/* From SIGXCPU on, and a second that the kernel rounds away. */
#define CPU_GRACE_SECONDS 2u

#define RUN_E_GONE (RELAY_E_END + 1)   /* the program has ended */
#define RUN_E_CLOSED (RELAY_E_END + 2) /* it has closed a pipe, and lives */
#define RUN_E_CPU (RELAY_E_END + 3)

typedef struct JobRun {
        const ExecModel *model;
        Resident *resident;
        struct rj_context *context;
        const char *line; /* that gives the job */
        size_t size, written;
        usec_t broken_usec;  /* since when a pipe is closed; 0: none is */
        usec_t cpu_end_usec; /* of the program's CPU time; USEC_INFINITY: no limit */
        Ending ending;
        Relay relay;
} JobRun;

static char *make_line(const ExecModel *model, const struct rj_context *context) {
        return text_format("{\"job\": %" PRId32 ", \"co\": %" PRId32
                           ", \"model\": \"%s\", \"parameters\": %s}\n",
                           context->job_id, context->co_id, model->name,
                           context->host->param_json(context));
}

/* Returns 0, also for a pipe that nobody reads any more: what became of the program is seen then.
 */
static void feed_line(JobRun *run) {
        Program *program = &run->resident->program;
        ssize_t n = pipe_write(program->input, run->line + run->written, run->size - run->written);

        if (n > 0)
                run->written += (size_t) n;
        else if (errno != EAGAIN && errno != EINTR && !run->broken_usec)
                run->broken_usec = clock_now_usec();
}

static void limit_cpu(JobRun *run) {
        const Program *program = &run->resident->program;
        uint64_t seconds = run->model->program_limits.cpu_seconds;

        run->cpu_end_usec = USEC_INFINITY;
        if (seconds || run->resident->has_cpu_limit)
                program_allow_cpu(program, seconds);
        run->resident->has_cpu_limit = seconds != 0;
        if (!seconds)
                return;
        run->cpu_end_usec =
                program_cpu_usec(program) + (seconds + CPU_GRACE_SECONDS) * USEC_PER_SEC;
}

/* Lines that are there already are nobody's. */
static int begin(JobRun *run) {
        Resident *resident = run->resident;

        resident->output.on_line = relay_resident;
        resident->errors.on_line = relay_errors;
        resident->output.userdata = resident->errors.userdata = &run->relay;
        int r = stream_drain(&resident->output);
        if (r)
                return r;
        limit_cpu(run);
        run->ending = ending_begin(run->model->timeout_usec, clock_now_usec());
        run->relay.job = run->context->job_id;
        feed_line(run);
        return 0;
}

/* What is due by itself: 0, or why the program has to go. */
static int check_program(JobRun *run, usec_t now_usec) {
        const EndPolicy policy = {.cancel_signal = run->model->cancel_signal,
                                  .kill_after_usec = run->model->kill_after_usec};
        const Program *program = &run->resident->program;

        int signal = ending_step(&run->ending, &policy, rj_canceled(run->context), now_usec);
        if (signal)
                program_signal(program, signal);
        if (program->output < 0 && !run->broken_usec)
                run->broken_usec = now_usec;
        if (run->broken_usec && now_usec >= usec_add(run->broken_usec, BROKEN_USEC))
                return RUN_E_CLOSED;
        if (run->cpu_end_usec != USEC_INFINITY && program_cpu_usec(program) > run->cpu_end_usec)
                return RUN_E_CPU;
        return 0;
}

/* What the program says comes before a cancel: what is done is done. */
static int serve_once(JobRun *run) {
        Resident *resident = run->resident;
        Program *program = &resident->program;
        int is_fed = run->written == run->size || run->broken_usec;
        struct pollfd fds[] = {{.fd = program->pidfd, .events = POLLIN},
                               {.fd = program->output, .events = POLLIN},
                               {.fd = program->errors, .events = POLLIN},
                               {.fd = is_fed ? -1 : program->input, .events = POLLOUT}};
        int r = 0;

        if (poll(fds, ARRAY_SIZE(fds), TICK_MSEC) < 0 && errno != EINTR)
                return RJ_E_FATAL;
        if (fds[1].revents)
                r = stream_serve(&resident->output);
        if (!r && fds[2].revents)
                r = stream_serve(&resident->errors);
        if (!r && fds[0].revents) {
                r = stream_finish(&resident->output);
                return r ? r : RUN_E_GONE;
        }
        if (r)
                return r;
        if (fds[3].revents)
                feed_line(run);
        return check_program(run, clock_now_usec());
}

static EndReason reason_of(int code) {
        switch (code) {
        case RELAY_E_LONG:
                return END_LONG_MESSAGE;
        case RELAY_E_MANY:
                return END_MANY_MESSAGES;
        case RELAY_E_MALFORMED:
                return END_MALFORMED;
        case RUN_E_CLOSED:
                return END_CLOSED;
        case RUN_E_CPU:
                return END_CPU_TIME;
        default:
                return END_ITSELF;
        }
}

/* The program is gone, and cannot have begun the job. */
static int is_untouched(const JobRun *run, int code) {
        return code == RUN_E_GONE && run->ending.reason == END_ITSELF &&
               pipe_unread(run->resident->program.input) >= run->written;
}

/* `r` is why the job is over. Returns what exec_run() is to return. */
static int conclude(JobRun *run, int r, char summary[VERDICT_SUMMARY_SIZE]) {
        Resident *resident = run->resident;
        EndFacts facts = {.status = -1,
                          .path = run->model->argv[0],
                          .limits = run->model->limits,
                          .timeout = run->model->timeout,
                          .summary = run->relay.summary,
                          .is_resident = 1,
                          .end = run->relay.end,
                          .why = run->relay.why,
                          .cpu_seconds = run->model->program_limits.cpu_seconds};

        if (r == RUN_E_GONE)
                (void) stream_finish(&resident->errors);
        else
                (void) stream_drain(&resident->errors);
        if (r != RELAY_E_END)
                facts.status = resident_end(resident);
        relay_finish(&run->relay);
        if (r < 0)
                return r;
        facts.reason = run->ending.reason == END_ITSELF ? reason_of(r) : run->ending.reason;
        return relay_judge(&run->relay, &facts, summary);
}

/* Returns as exec_run(); RUN_E_GONE when the program has not begun the job. */
static int try_job(JobRun *run, int may_again, char summary[VERDICT_SUMMARY_SIZE]) {
        int r = resident_start(run->resident, run->context, summary, VERDICT_SUMMARY_SIZE);

        if (r == RESIDENT_E_CANCELED) {
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "canceled");
                return RJ_CANCELED;
        }
        if (r)
                return RJ_FAILED;
        r = begin(run);
        while (!r)
                r = serve_once(run);
        if (!may_again || !is_untouched(run, r))
                return conclude(run, r, summary);
        relay_finish(&run->relay);
        (void) resident_end(run->resident);
        return RUN_E_GONE;
}

int resident_run(const ExecModel *model, struct rj_context *context,
                 char summary[VERDICT_SUMMARY_SIZE]) {
        _cleanup_(freep) char *line = make_line(model, context);
        int r = RUN_E_GONE;

        if (!line || !model->resident) {
                (void) snprintf(summary, VERDICT_SUMMARY_SIZE, "could not start '%s': %s",
                                model->argv[0], strerror(ENOMEM));
                return RJ_FAILED;
        }
        for (int tries = 0; r == RUN_E_GONE; tries++) {
                JobRun run = {.model = model,
                              .resident = model->resident,
                              .context = context,
                              .line = line,
                              .size = strlen(line),
                              .relay = {.context = context, .limits = model->limits}};
                r = try_job(&run, tries == 0, summary);
        }
        return r;
}
