#include "worker/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/backoff.h"
#include "db/pg.h"
#include "plugin/check.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/text.h"
#include "worker/children.h"
#include "worker/title.h"

#define MAX_FAILURES 100
#define PLUGIN_STATEMENT_USEC (30 * USEC_PER_SEC) /* as registry-job-plugin(3) says */

void runner_limit_programs(const LimitTable *table, ExecModel *const *exec, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Limits limits = limit_resolve(table, exec_model_name(exec[i]));
                exec_model_limit(exec[i], limits.memory_bytes, limits.cpu_usec, limits.open_files);
        }
}

int runner_wait(Runner *runner, unsigned failures) {
        static const Backoff policy = {.first_usec = 100 * USEC_PER_MSEC,
                                       .max_usec = 5 * USEC_PER_SEC};
        usec_t delay = backoff_delay(&policy, failures, runner->session.random);
        struct timespec time = {.tv_sec = (time_t) (delay / USEC_PER_SEC),
                                .tv_nsec = (long) (delay % USEC_PER_SEC * 1000)};

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
 * the job may be In Progress already: that can only have been us.
 */
static int start(Runner *runner, const Job *job, RunResult *result) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        run_start_add(runner, job, &batch);
        if (runner->session.is_lost)
                job_status_add(&batch, job->id);
        int r = session_run(&runner->session, &batch, &reply);
        if (r)
                return r;
        int is_started = db_affected(&reply, 0) > 0 ||
                         (reply.n > 1 && job_status_read(reply.results[1]) == JOB_IN_PROGRESS);
        result->is_settled = !is_started;
        return 0;
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
                (void) snprintf(words, sizeof(words), "%s: %s",
                                code == RJ_E_LOST ? "lost connection to the database"
                                                  : "database error",
                                *run->error.message ? run->error.message : run->summary);
                break;
        default:
                (void) snprintf(words, sizeof(words), "plugin returned %d, which means nothing",
                                code);
        }
        end_with(result, JOB_EV_FINISH_FAILED, words);
}

/* pthread_exit() would leave a process without the thread that finishes the job. */
static void on_thread_end(void *arg) {
        const HostRun *run = arg;
        log_write(LOG_CRIT, NULL, "job %d: its plugin ended the thread that it was called on",
                  run->context.job_id);
        _exit(WORKER_EXIT_NO_THREAD);
}

static int call(HostRun *run) {
        int code;
        pthread_cleanup_push(on_thread_end, run);
        code = host_call(run);
        pthread_cleanup_pop(0);
        return code;
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

/* What the plugin has left: its processes end, and this one is not to be used again. */
static void clean_up(Runner *runner, const Job *job, RunResult *result) {
        LogFields fields = {.job_id = job->id, .co_id = job->co_id, .plugin = job->plugin};
        char words[RESIDUE_WORDS];

        use_heap();
        if (!status_page_is_sound(runner->page)) {
                result->is_worn = 1;
                log_write(LOG_NOTICE, &fields,
                          "job %d: its plugin wrote over the status page: this worker is replaced",
                          job->id);
        }
        if (residue_after(runner->residue, runner->session.db ? runner->session.socket.fd : -1,
                          words)) {
                result->is_worn = 1;
                log_write(LOG_NOTICE, &fields,
                          "job %d: its plugin left %s: this worker is replaced", job->id, words);
        }
        int n = children_end();
        if (n > 0)
                log_write(LOG_NOTICE, &fields, "job %d: ended %d process%s that its plugin left",
                          job->id, n, n == 1 ? "" : "es");
        if (n >= 0)
                return;
        result->is_worn = 1;
        log_write(LOG_WARNING, &fields,
                  "job %d: its plugin left processes that could not be ended: this worker is "
                  "replaced",
                  job->id);
}

int runner_has_called(const Runner *runner, int32_t job_id) {
        for (unsigned i = 0; i < RUNNER_CALLED; i++)
                if (runner->called[i] == job_id)
                        return 1;
        return 0;
}

static void limit_group(const Runner *runner, const Job *job, const Limits *limits) {
        int r = runner->group ? worker_group_limit(runner->group, limits) : 0;
        if (r)
                log_error_errno(r, "job %d: its control group could not be limited", job->id);
}

/* Returns 1 when the job has met its limit of tasks. */
static int unlimit_group(const Runner *runner, const Job *job, RunResult *result) {
        int is_refused = 0;
        int r = runner->group ? worker_group_unlimit(runner->group, &is_refused) : 0;

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
        HostRun run = {.params = params,
                       .recorder = &runner->recorder,
                       .session = &runner->session,
                       .settings = *runner->session.settings,
                       .holder = runner->holder,
                       .page = runner->page};
        char name[64];
        (void) snprintf(name, sizeof(name), "registry-jobd job %d", job->id);
        run.settings.application_name = name;
        run.settings.statement_usec = MAX_OF(run.settings.statement_usec, PLUGIN_STATEMENT_USEC);
        run.settings.lock_usec = 0;

        Limits limits = limit_resolve(runner->limits, entry->name);

        runner->called[runner->n_called++ % RUNNER_CALLED] = job->id;
        limit_group(runner, job, &limits);
        host_begin(&run, job, entry, control);
        watch_job_begin(runner->watch, job->id, &limits);
        usec_t began = clock_now_usec();
        int code = call(&run);
        result->run_usec = MAX_OF(usec_sub(clock_now_usec(), began), (usec_t) 1);
        EndedBy ended_by = watch_job_end(runner->watch);
        CRASH_POINT(WORKER_RAN);
        host_end(&run);
        judge(&run, code, ended_by, result);
        clean_up(runner, job, result); /* a plugin may have left us no descriptor */
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
        const uint32_t *control = status_page_begin(runner->page, job->id);
        char words[SUMMARY_SIZE];
        int r = 0;

        *ret = (RunResult){0};
        title_job(job->id, job->co_id, job->plugin);
        session_begin(&runner->session);
        if (!entry) {
                (void) snprintf(words, sizeof(words), "no plugin provides '%s'",
                                job->plugin ? job->plugin : "");
                end_with(ret, JOB_EV_REJECT, words);
        } else {
                r = prepare(runner, job, entry, &params, ret);
        }
        if (r || ret->is_settled || !params)
                return r;

        CRASH_POINT(WORKER_STARTED);
        log_step(job, LOG_ID_STARTED, "GO", LOG_INFO, "started");
        call_plugin(runner, job, entry, params, control, ret);
        return 0;
}
