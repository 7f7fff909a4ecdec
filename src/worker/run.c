#include "worker/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "db/pg.h"
#include "plugin/check.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/text.h"

void runner_limit_programs(const LimitTable *table, ExecModel *const *exec, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Limits limits = limit_resolve(table, exec_model_name(exec[i]));
                exec_model_limit(exec[i], limits.memory_bytes, limits.cpu_usec, limits.open_files);
        }
}

int runner_connect(Runner *runner) {
        return runner->db ? 0 : db_open(runner->settings, &runner->db, &runner->error);
}

int runner_run(Runner *runner, Batch *batch, DbReply *reply) {
        int r = db_run_retry(runner->db, batch, reply);
        if (r)
                runner->error = reply->error;
        return r;
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
                r = check_parameters(runner->db, job->co_id, job->parameters, &entry->model,
                                     &check);
        if (check.problems.count) {
                problems_join(&check.problems, words, sizeof(words));
                end_with(result, JOB_EV_REJECT, words);
        }
        runner->error = check.error;
        *ret = check.params;
        return r;
}

/* A -> GO. Writes result->is_settled when somebody was faster. */
static int start(Runner *runner, const Job *job, const CatalogEntry *entry, RunResult *result) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        char summary[SUMMARY_SIZE];

        (void) snprintf(summary, sizeof(summary), "Started %s on %s (pid %d)", entry->name,
                        runner->holder.host, (int) runner->holder.pid);
        job_start_add(&batch, job->id, runner->holder, summary);
        int r = runner_run(runner, &batch, &reply);
        if (!r)
                result->is_settled = db_affected(&reply, 0) == 0;
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

static void call_plugin(Runner *runner, const Job *job, const CatalogEntry *entry,
                        const Params *params, const uint32_t *control, RunResult *result) {
        HostRun run = {.params = params,
                       .recorder = &runner->recorder,
                       .db = &runner->db,
                       .settings = *runner->settings,
                       .holder = runner->holder,
                       .page = runner->page};
        char name[64];
        (void) snprintf(name, sizeof(name), "registry-jobd job %d", job->id);
        run.settings.application_name = name;

        Limits limits = limit_resolve(runner->limits, entry->name);

        host_begin(&run, job, entry, control);
        watch_job_begin(runner->watch, job->id, &limits);
        int code = call(&run);
        EndedBy ended_by = watch_job_end(runner->watch);
        judge(&run, code, ended_by, result);
        /* Records that cannot be written now stay in the ring, for the finish to try again. */
        (void) host_end(&run);
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
        if (!entry) {
                (void) snprintf(words, sizeof(words), "no plugin provides '%s'",
                                job->plugin ? job->plugin : "");
                end_with(ret, JOB_EV_REJECT, words);
        } else {
                r = take_params(runner, job, entry, &params, ret);
                if (!r && params)
                        r = start(runner, job, entry, ret);
        }
        if (r || ret->is_settled || !params)
                return r;

        log_step(job, LOG_ID_STARTED, "GO", LOG_INFO, "started");
        call_plugin(runner, job, entry, params, control, ret);
        return 0;
}
