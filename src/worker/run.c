#include "worker/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/backoff.h"
#include "db/pg.h"
#include "ipc/channel.h"
#include "plugin/check.h"
#include "process/children.h"
#include "process/title.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/text.h"
#include "worker/opening.h"

#define MAX_FAILURES 100

int runner_prepare_programs(Runner *runner, ExecModel *const *exec, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Limits limits = limit_resolve(runner->limits, exec_model_name(exec[i]));
                exec_model_limit(exec[i], limits.memory_bytes, limits.cpu_usec, limits.open_files);
        }
        return residents_new(exec, n, &runner->residents);
}

void runner_expect_fds(Runner *runner) {
        int fds[RESIDUE_KEPT_MAX];
        residue_expect(runner->residue, fds,
                       residents_fds(runner->residents, fds, RESIDUE_KEPT_MAX));
}

void runner_tell_trouble(Runner *runner, const char *words) {
        const DescriptorIdentity *channel = &runner->residue->channel;
        ChannelMessage message = {.type = CHANNEL_TROUBLE};

        if (channel->fd < 0 || !descriptor_is_same(channel))
                return;
        (void) text_copy_utf8(message.residue, sizeof(message.residue), 0, words);
        (void) channel_try_send(channel->fd, &message);
        runner->is_trouble_told = *words != '\0';
}

void runner_tell_failed(Runner *runner, int32_t job_id) {
        ChannelMessage message = {
                .type = CHANNEL_FAILED, .job_id = job_id, .untold = runner->untold};

        if (!(atomic_load(&runner->orders->wishes) & ORDERS_WISH_FAILED) ||
            !descriptor_is_same(&runner->residue->channel))
                return;
        if (channel_try_send(runner->residue->channel.fd, &message))
                runner->untold++;
        else
                runner->untold = 0;
}

void runner_note_success(Runner *runner) {
        if (runner->is_trouble_told)
                runner_tell_trouble(runner, "");
}

int runner_wait(Runner *runner, unsigned failures) {
        static const Backoff policy = {.first_usec = 100 * USEC_PER_MSEC,
                                       .max_usec = 5 * USEC_PER_SEC};
        usec_t delay = backoff_delay(&policy, failures, runner->session.random);
        struct timespec time = {.tv_sec = (time_t) (delay / USEC_PER_SEC),
                                .tv_nsec = (long) (delay % USEC_PER_SEC * 1000)};

        runner_tell_trouble(runner, runner->session.error.message);
        watch_step(runner->watch);
        (void) nanosleep(&time, NULL);
        return failures < MAX_FAILURES;
}

static void end_with(RunResult *result, JobEvent event, const char *summary) {
        result->event = event;
        result->status = event == JOB_EV_FINISH_OK ? JOB_COMPLETE : JOB_FAILED;
        (void) text_copy_utf8(result->summary, sizeof(result->summary), SUMMARY_CHARS, summary);
}

/* Reads and checks the parameters: sets `ret`, or a rejection in `result`. */
static int take_params(Runner *runner, const Job *job, const CatalogEntry *entry, Params **ret,
                       RunResult *result) {
        CheckResult check = {0};
        char words[SUMMARY_SIZE];
        int r = 0;

        if (job->size > PARAMS_MAX_BYTES)
                problems_add(&check.problems, "parameters are longer than %d bytes (%lld)",
                             PARAMS_MAX_BYTES, (long long) job->size);
        else
                r = check_parameters(runner->session.db, job->co_id, job->parameters, &entry->model,
                                     &check);
        if (check.problems.count) {
                problems_join(&check.problems, words, sizeof(words));
                end_with(result, JOB_EV_REJECT, words);
        }
        session_note(&runner->session, r, &check.error);
        *ret = check.params;
        return r;
}

void run_start_add(const Runner *runner, const Job *job, Batch *batch) {
        char summary[SUMMARY_SIZE];

        (void) snprintf(summary, sizeof(summary), "Started %s on %s (pid %d)", job->plugin,
                        runner->holder.host, (int) runner->holder.pid);
        job_start_add(batch, job->id, runner->holder, summary);
}

/*
 * A -> GO. Writes result->is_settled when somebody was faster. Tried again after a lost connection,
 * the job may be In Progress already, by this worker or, after a failover that has lost its lane,
 * by another one.
 */
static int try_start(Runner *runner, const Job *job, int has_words, RunResult *result) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        if (has_words)
                run_start_add(runner, job, &batch);
        else
                job_start_add(&batch, job->id, runner->holder, "");
        if (runner->session.is_lost)
                job_status_add(&batch, job->id);
        int r = session_run(&runner->session, &batch, &reply);
        if (r)
                return r;
        int is_started = db_affected(&reply, 0) > 0 ||
                         (reply.n > 1 && job_status_read(reply.results[1]) == JOB_IN_PROGRESS &&
                          job_status_is_held(reply.results[1], runner->holder));
        result->is_settled = !is_started;
        return 0;
}

/* A start whose words are refused does without them. */
static int start(Runner *runner, const Job *job, RunResult *result) {
        int r = try_start(runner, job, 1, result);

        if (!session_is_refusal(&runner->session, r))
                return r;
        log_warning("job %d: could not be started (%s), trying without a start summary", job->id,
                    runner->session.error.message);
        return try_start(runner, job, 0, result);
}

static int check_and_start(Runner *runner, const Job *job, const CatalogEntry *entry, Params **ret,
                           RunResult *result) {
        int r = session_connect(&runner->session);
        if (!r)
                r = take_params(runner, job, entry, ret, result);
        if (!r && *ret)
                r = start(runner, job, result);
        if (r) { /* of the parameters, those of the next try count */
                *ret = params_free(*ret);
                *result = (RunResult){0};
        }
        return r;
}

/* While the database is away nothing is lost by waiting: the plugin has not been called. */
static int prepare(Runner *runner, const Job *job, const CatalogEntry *entry, Params **ret,
                   RunResult *result) {
        int r = check_and_start(runner, job, entry, ret, result);

        for (unsigned failures = 1; session_is_passing(r) && runner_wait(runner, failures);
             failures++) {
                if (failures == 1)
                        log_warning("job %d: could not be started (%s), trying again", job->id,
                                    runner->session.error.message);
                r = check_and_start(runner, job, entry, ret, result);
        }
        return r;
}

/* What the plugin returned, in words that fit the column. */
static void judge(const HostRun *run, int code, EndedBy ended_by, RunResult *result) {
        uint32_t control = __atomic_load_n(run->context.control, __ATOMIC_RELAXED);
        char words[SUMMARY_SIZE + 64]; /* cut again by end_with() */

        if (ended_by != ENDED_BY_NOBODY && code != RJ_OK) {
                (void) snprintf(words, sizeof(words), "ended by %s%s%s", ended_by_words(ended_by),
                                *run->summary ? ": " : "", run->summary);
                end_with(result, JOB_EV_FINISH_FAILED, words);
                return;
        }
        switch (code) {
        case RJ_OK:
                end_with(result, JOB_EV_FINISH_OK, *run->summary ? run->summary : "Completed");
                return;
        case RJ_FAILED:
                end_with(result, JOB_EV_FINISH_FAILED,
                         *run->summary ? run->summary : "Failed without a reason given");
                return;
        case RJ_CANCELED:
                if (control & RJ_CONTROL_SHUTDOWN || !(control & RJ_CONTROL_CANCEL))
                        (void) snprintf(words, sizeof(words), "%s%s%s",
                                        control & RJ_CONTROL_SHUTDOWN ? "ended by shutdown"
                                                                      : "stopped without a cancel",
                                        *run->summary ? ": " : "", run->summary);
                else
                        (void) snprintf(words, sizeof(words), "%s",
                                        *run->summary ? run->summary : "stopped");
                break;
        case RJ_E_LOST:
        case RJ_E_FATAL:
                outcome_describe_error(code == RJ_E_LOST, run->error.message, run->summary, words,
                                       sizeof(words));
                break;
        default:
                (void) snprintf(words, sizeof(words), "plugin returned %d, which means nothing",
                                code);
        }
        end_with(result, JOB_EV_FINISH_FAILED, words);
}

/*
 * A heap that the plugin has destroyed kills the process at the next use of the damaged part, in
 * whichever job that is. These reach into the unsorted chunks and to the end of the heap: better
 * now than when the next job was claimed.
 */
static void use_heap(void) {
        static const size_t sizes[] = {24, 1040, 60000};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                char *volatile piece = malloc(sizes[i]);
                free(piece);
        }
}

/*
 * The supervisor says it in the log, once per plugin and hour: this worker may not live that long.
 * The command that runs one job says it itself.
 */
static void report_residue(const Runner *runner, const Job *job, const char *words, int is_worn) {
        const DescriptorIdentity *channel = &runner->residue->channel;
        LogFields fields = {.job_id = job->id, .co_id = job->co_id, .plugin = job->plugin};
        ChannelMessage message = {
                .type = CHANNEL_RESIDUE, .job_id = job->id, .is_last = is_worn != 0};

        if (channel->fd < 0) {
                log_write(LOG_NOTICE, &fields, "job %d: its plugin left %s", job->id, words);
                return;
        }
        (void) text_copy_utf8(message.plugin, sizeof(message.plugin), 0, job->plugin);
        (void) text_copy_utf8(message.residue, sizeof(message.residue), 0, words);
        if (descriptor_is_same(channel))
                (void) channel_try_send(channel->fd, &message);
}

/* What the plugin has left: its processes end, and this one is not to be used again. */
static void clean_up(Runner *runner, const Job *job, RunResult *result) {
        char words[CHANNEL_RESIDUE_SIZE] = "";
        Strangers residents;

        use_heap();
        runner_expect_fds(runner);
        if (residue_after(runner->residue, runner->session.db ? runner->session.socket.fd : -1,
                          words))
                result->is_worn = 1;
        if (recorder_restore(&runner->recorder)) {
                result->is_worn = 1;
                (void) text_append(words, sizeof(words), "%sa status page that it wrote over",
                                   *words ? ", " : "");
        }
        residents.n = residents_pids(runner->residents, residents.pids, STRANGERS_MAX);
        int n = children_end_but(&residents);
        const char *separator = *words ? ", " : "";
        if (n > 0)
                (void) text_append(words, sizeof(words), "%s%d process%s, which were ended",
                                   separator, n, n == 1 ? "" : "es");
        if (n < 0) {
                result->is_worn = 1;
                (void) text_append(words, sizeof(words), "%sprocesses that could not be ended",
                                   separator);
        }
        if (*words)
                report_residue(runner, job, words, result->is_worn);
}

int runner_has_called(const Runner *runner, int32_t job_id) {
        for (unsigned i = 0; i < RUNNER_CALLED; i++)
                if (runner->called[i] == job_id)
                        return 1;
        return 0;
}

static void limit_group(const Runner *runner, const Job *job, const Limits *limits) {
        int r = runner->cgroup ? worker_cgroup_limit(runner->cgroup, limits) : 0;
        if (r)
                log_error_errno(r, "job %d: its control group could not be limited", job->id);
}

/* Returns 1 when the job has met its limit of tasks. */
static int unlimit_group(const Runner *runner, const Job *job, RunResult *result) {
        int is_refused = 0;
        int r = runner->cgroup ? worker_cgroup_unlimit(runner->cgroup, &is_refused) : 0;

        if (r) {
                result->is_worn = 1; /* the next job would be limited as well */
                log_error_errno(r, "job %d: its control group stays limited, replacing this worker",
                                job->id);
        }
        return is_refused;
}

/* A plugin that gets no further process or thread may not know why. */
static void add_refusal(RunResult *result) {
        char words[SUMMARY_SIZE + 32]; /* cut again by end_with() */

        if (result->status != JOB_FAILED)
                return;
        (void) snprintf(words, sizeof(words), "met its tasks limit: %s", result->summary);
        end_with(result, JOB_EV_FINISH_FAILED, words);
}

static void call_plugin(Runner *runner, const Job *job, const CatalogEntry *entry,
                        const Params *params, const uint32_t *control, RunResult *result) {
        char words[SUMMARY_SIZE];
        void *state;

        if (opening_open(runner, job, entry, control, &state, words)) {
                end_with(result, JOB_EV_FINISH_FAILED, words);
                clean_up(runner, job, result);
                return;
        }
        _cleanup_(freep) HostRun *run = malloc(sizeof(*run));
        if (!run) {
                end_with(result, JOB_EV_FINISH_FAILED, "the worker has no memory left");
                return;
        }
        *run = (HostRun){.params = params,
                         .recorder = &runner->recorder,
                         .session = &runner->session,
                         .holder = runner->holder,
                         .page = runner->page};
        Limits limits = limit_resolve(runner->limits, entry->name);

        runner->called[runner->n_called++ % RUNNER_CALLED] = job->id;
        limit_group(runner, job, &limits);
        host_begin(run, job, entry, control, state);
        watch_job_begin(runner->watch, job->id, &limits);
        usec_t began = clock_now_usec();
        int code = host_call(run);
        result->run_usec = MAX_OF(usec_sub(clock_now_usec(), began), (usec_t) 1);
        EndedBy ended_by = watch_job_end(runner->watch);
        CRASH_POINT(WORKER_RAN);
        host_end(run);
        judge(run, code, ended_by, result);
        clean_up(runner, job, result);            /* a plugin may have left us no descriptor */
        if (residue_has_threads(runner->residue)) /* they may call as long as this process lives */
                (void) TAKE_PTR(run);
        if (unlimit_group(runner, job, result))
                add_refusal(result);
}

static void log_step(const Job *job, const char *message_id, const char *status, int level,
                     const char *text) {
        LogFields fields = {.message_id = message_id,
                            .job_id = job->id,
                            .co_id = job->co_id,
                            .plugin = job->plugin,
                            .job_status = status};
        log_write(level, &fields, "job %d: %s", job->id, text);
}

int run_job(Runner *runner, const Job *job, RunResult *ret) {
        const CatalogEntry *entry = catalog_find(runner->catalog, job->plugin);
        _cleanup_(params_freep) Params *params = NULL;
        const uint32_t *control = orders_begin_job(runner->orders, runner->page, job->id);
        char words[SUMMARY_SIZE];
        CatalogEntry told; /* `entry`, with what its program has told */
        int is_refused = 0, r = 0;

        *ret = (RunResult){0};
        if (!control)
                return error_origin(-EBUSY);
        runner->recorder.job_id = job->id;
        runner->recorder.unlinked = 0;
        title_job(job->id, job->co_id, job->plugin);
        session_begin(&runner->session);
        if (entry && !entry->plugin) {
                told = *entry;
                entry = &told;
                is_refused = opening_start_program(runner, job, &told, control, words);
        }
        if (is_refused) {
                end_with(ret, JOB_EV_REJECT, words);
        } else if (!entry) {
                (void) snprintf(words, sizeof(words), "no plugin provides '%s'",
                                job->plugin ? job->plugin : "");
                end_with(ret, JOB_EV_REJECT, words);
        } else {
                r = prepare(runner, job, entry, &params, ret);
        }
        if (session_is_refusal(&runner->session, r)) {
                (void) snprintf(words, sizeof(words), "could not be started: %s",
                                runner->session.error.message);
                end_with(ret, JOB_EV_REJECT, words);
                return 0;
        }
        if (r || ret->is_settled || !params)
                return r;

        CRASH_POINT(WORKER_STARTED);
        log_step(job, LOG_ID_STARTED, "GO", LOG_INFO, "started");
        call_plugin(runner, job, entry, params, control, ret);
        return 0;
}
