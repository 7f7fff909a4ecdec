/*
 * The table of host functions. Whatever a plugin passes in is checked here; whatever goes wrong
 * becomes one of the three negative codes of the interface, and is kept in run->error for the
 * job's summary.
 */
#include "worker/host.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/pg.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"
#include "worker/run.h"

#define PROGRESS_INTERVAL_USEC (500 * USEC_PER_MSEC)
#define LOGGED_RECORDS 200                     /* at most, of one worker, */
#define LOGGED_USEC (10 * USEC_PER_SEC)        /* in this time */
#define WAIT_TICK_NSEC 50000000                /* while the ring is full */
#define OWN_STATEMENT_USEC (30 * USEC_PER_SEC) /* as registry-job-plugin(3) says */

static HostRun *run_of(const struct rj_context *context) {
        return (HostRun *) context; /* its first member */
}

/*
 * Every host function begins with this: the run that the plugin is in, or NULL when that is over
 * and a thread that the plugin has left calls. Who calls while it runs is alive.
 */
static HostRun *find_run(const struct rj_context *context) {
        HostRun *run = run_of(context);

        if (atomic_load(&run->is_over))
                return NULL;
        status_page_note_active(run->page, clock_now_usec());
        return run;
}

/* find_run() for what only a job has: NULL in open() and close(), too. */
static HostRun *find_job_run(const struct rj_context *context) {
        HostRun *run = find_run(context);
        return run && run->params ? run : NULL;
}

static LogFields fields_of(const HostRun *run) {
        return (LogFields){
                .job_id = run->context.job_id, .co_id = run->context.co_id, .plugin = run->plugin};
}

/*
 * Returns the parameters, with the index of that one, or NULL when it was not given. One that the
 * plugin's own table does not have is a bug that no job should survive.
 */
static const Params *find_given(const struct rj_context *context, const char *name, uint32_t types,
                                int *ret_index) {
        const HostRun *run = find_job_run(context);

        if (!run)
                return NULL;
        *ret_index = params_find(run->params, name, types);
        if (*ret_index < 0) {
                LogFields fields = fields_of(run);
                log_write(LOG_CRIT, &fields,
                          "plugin asked for parameter '%s', which its model does not declare so",
                          name);
                abort();
        }
        return params_given(run->params, *ret_index) ? run->params : NULL;
}

static int param_given(const struct rj_context *context, const char *name) {
        int index;
        return find_given(context, name, UINT32_MAX, &index) != NULL;
}

static int64_t param_int(const struct rj_context *context, const char *name, int64_t otherwise) {
        int index;
        const Params *params = find_given(context, name, 1u << RJ_PARAM_INT, &index);
        return params ? params_integer(params, index) : otherwise;
}

static int param_bool(const struct rj_context *context, const char *name, int otherwise) {
        int index;
        const Params *params = find_given(context, name, 1u << RJ_PARAM_BOOL, &index);
        return params ? (int) params_integer(params, index) : otherwise;
}

static const char *param_string(const struct rj_context *context, const char *name,
                                const char *otherwise) {
        int index;
        const Params *params =
                find_given(context, name, 1u << RJ_PARAM_STRING | 1u << RJ_PARAM_SELECT, &index);
        return params ? params_string(params, index) : otherwise;
}

static size_t param_ids(const struct rj_context *context, const char *name, int32_t *ids,
                        size_t max) {
        int index;
        const Params *params = find_given(context, name, 1u << RJ_PARAM_FK, &index);
        const int32_t *found;
        size_t n = params ? params_ids(params, index, &found) : 0;

        if (n && max)
                memcpy(ids, found, MIN_OF(n, max) * sizeof(*ids));
        return n;
}

static const char *param_json(const struct rj_context *context) {
        const HostRun *run = find_job_run(context);
        return run ? params_json(run->params) : "{}";
}

/* What a failure means to the plugin. `error` has its words when it is the server's. */
static int failure(HostRun *run, int r, const DbError *error) {
        run->error = (DbError){.class = r};
        if (error->class == r)
                run->error = *error;
        else if (r < 0)
                (void) snprintf(run->error.message, sizeof(run->error.message), "%s", strerror(-r));
        return r == DB_E_UNAVAILABLE ? RJ_E_LOST : RJ_E_FATAL;
}

/* Sets ret_is_done to 0, and does not fail, while the database is away. */
static int run_batch(HostRun *run, Batch *batch, int *ret_is_done) {
        _cleanup_(db_reply_donep) DbReply reply = {0};

        *ret_is_done = 0;
        if (session_try(run->session)) {
                batch_done(batch);
                return 0;
        }
        int r = session_run(run->session, batch, &reply);
        if (session_is_passing(r))
                return 0;
        *ret_is_done = 1;
        return r ? failure(run, r, &reply.error) : 0;
}

static int progress(struct rj_context *context, uint64_t done, uint64_t total) {
        HostRun *run = find_job_run(context);
        if (!run)
                return RJ_E_INVALID;
        int percent = total ? (int) ((double) MIN_OF(done, total) * 100 / (double) total) : 0;
        usec_t now = clock_now_usec();

        if (percent <= run->percent_written)
                return 0;
        atomic_store(&run->page->percent, (uint32_t) percent);
        if (now < usec_add(run->percent_usec, PROGRESS_INTERVAL_USEC))
                return 0;
        run->percent_usec = now;
        Batch batch = {0};
        int is_done;
        job_progress_add(&batch, context->job_id, run->holder, percent);
        int r = run_batch(run, &batch, &is_done);
        if (is_done)
                run->percent_written = percent;
        return r;
}

/*
 * Where the ring is full and the database away, the plugin waits: what it hands over must not get
 * lost. A cancel ends the wait; the end of the supervisor's lease and shutdown bring one.
 */
static int add_or_wait(HostRun *run, const HistoryRecord *record) {
        const struct timespec tick = {.tv_nsec = WAIT_TICK_NSEC};
        int r;

        while ((r = recorder_add(run->recorder, record)) == RECORDER_E_NO_ROOM) {
                if (rj_canceled(&run->context))
                        return DB_E_UNAVAILABLE;
                (void) nanosleep(&tick, NULL);
                status_page_note_active(run->page, clock_now_usec());
        }
        return r;
}

/*
 * Not more than the journal takes: it would drop the lines of everybody else of this service with
 * them.
 */
static void log_record(HostRun *run, const HistoryRecord *to) {
        LogFields fields = fields_of(run);

        if (!throttle_pass(&run->recorder->log, LOGGED_RECORDS, LOGGED_USEC, clock_now_usec()))
                return;
        fields.record_key = to->key;
        log_write(LOG_DEBUG, &fields, "job %d: %s: %s", to->job_id, to->key, to->comment);
}

static void log_held_records(const HostRun *run) {
        LogFields fields = fields_of(run);
        uint64_t held = throttle_take_held(&run->recorder->log);

        if (held)
                log_write(LOG_DEBUG, &fields,
                          "job %d: %llu more history records: see 'registry-job history %d'",
                          run->context.job_id, (unsigned long long) held, run->context.job_id);
}

static int record(struct rj_context *context, const struct rj_record *given) {
        HostRun *run = find_job_run(context);
        HistoryRecord to = {.job_id = context->job_id};
        struct rj_record from;

        if (!run || abi_copy_record(given, &from) || from.status < RJ_RECORD_OK ||
            from.status > RJ_RECORD_CANCELED || from.person_id < 0 || from.external_identity_id < 0)
                return RJ_E_INVALID;
        to.status = from.status;
        to.person_id = from.person_id;
        to.external_identity_id = from.external_identity_id;
        (void) text_copy_utf8(to.key, sizeof(to.key), HISTORY_KEY_CHARS, from.key);
        (void) text_copy_utf8(to.comment, sizeof(to.comment), HISTORY_COMMENT_CHARS, from.comment);

        int r = add_or_wait(run, &to);
        if (r)
                return failure(run, r, &run->session->error);
        if (log_level() >= LOG_DEBUG)
                log_record(run, &to);
        return 0;
}

static int start_summary(struct rj_context *context, const char *text) {
        HostRun *run = find_job_run(context);
        char cut[SUMMARY_SIZE];
        Batch batch = {0};

        if (!run)
                return RJ_E_INVALID;
        (void) text_copy_utf8(cut, sizeof(cut), SUMMARY_CHARS, text);
        job_start_summary_add(&batch, context->job_id, run->holder, cut);
        int is_done;
        return run_batch(run, &batch, &is_done);
}

static int summary(struct rj_context *context, const char *text) {
        HostRun *run = find_run(context);
        if (!run)
                return RJ_E_INVALID;
        (void) text_copy_utf8(run->summary, sizeof(run->summary), SUMMARY_CHARS, text);
        return 0;
}

static void write_log(struct rj_context *context, int level, const char *text) {
        LogFields fields = fields_of(run_of(context));

        (void) find_run(context); /* a sign of life; a thread that was left may log, too */
        level = MAX_OF(LOG_ERR, MIN_OF(LOG_DEBUG, level));
        if (fields.job_id)
                log_write(level, &fields, "job %d: %s", fields.job_id, text ? text : "");
        else
                log_write(level, &fields, "plugin '%s': %s", fields.plugin, text ? text : "");
}

static void on_notice(void *userdata, const PGresult *result) {
        HostRun *run = userdata;
        write_log(&run->context, LOG_INFO, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

static void *own_connection(struct rj_context *context) {
        HostRun *run = find_job_run(context);

        if (!run)
                return NULL;
        if (run->own && PQstatus(run->own) != CONNECTION_BAD)
                return run->own;
        (void) descriptors_mend_standard();
        /* The same object again, or whatever the plugin has kept would point into nothing. */
        int r = run->own ? db_reset_plain(&run->settings, run->own, &run->error)
                         : db_open_plain(&run->settings, &run->own, &run->error);
        if (r)
                return NULL;
        (void) PQsetNoticeReceiver(run->own, on_notice, run);
        run->own_socket = descriptor_identify(PQsocket(run->own));
        return run->own;
}

static const struct rj_host host = {
        .struct_size = sizeof(struct rj_host),
        .abi_minor = RJ_ABI_MINOR,
        .param_given = param_given,
        .param_int = param_int,
        .param_bool = param_bool,
        .param_string = param_string,
        .param_ids = param_ids,
        .param_json = param_json,
        .progress = progress,
        .record = record,
        .start_summary = start_summary,
        .summary = summary,
        .log = write_log,
        .db = own_connection,
};

void host_begin(HostRun *run, const Job *job, const CatalogEntry *entry, const uint32_t *control,
                void *state) {
        run->context = (struct rj_context){.host = &host,
                                           .control = control,
                                           .model = &entry->model,
                                           .job_id = job->id,
                                           .co_id = job->co_id,
                                           .state = state};
        run->plugin = entry->name;
        run->settings = *run->session->settings;
        (void) snprintf(run->settings_name, sizeof(run->settings_name), "registry-jobd job %d",
                        job->id);
        run->settings.application_name = run->settings_name;
        run->settings.statement_usec = MAX_OF(run->settings.statement_usec, OWN_STATEMENT_USEC);
        run->settings.lock_usec = 0;
        run->percent_written = -1;
        run->percent_usec = clock_now_usec(); /* what ends soon needs no percentage */
}

/* pthread_exit() would leave a process without the thread that finishes the job. */
static void on_thread_end(void *arg) {
        const HostRun *run = arg;
        LogFields fields = fields_of(run);

        log_write(LOG_CRIT, &fields, "plugin '%s' ended the thread that it was called on",
                  run->plugin);
        _exit(WORKER_EXIT_NO_THREAD);
}

static int call_guarded(HostRun *run, int (*function)(struct rj_context *)) {
        int code;
        pthread_cleanup_push(on_thread_end, run);
        code = function(&run->context);
        pthread_cleanup_pop(0);
        return code;
}

int host_call(HostRun *run) {
        status_page_note_call(run->page, clock_now_usec(), clock_cpu_usec());
        return call_guarded(run, run->context.model->run);
}

void host_begin_alone(HostRun *run, const char *name, const uint32_t *control) {
        run->context = (struct rj_context){.host = &host, .control = control};
        run->plugin = name;
}

int host_open(HostRun *run, const Plugin *plugin, const uint32_t *control) {
        host_begin_alone(run, plugin->desc.name, control);
        return call_guarded(run, plugin->desc.open);
}

void host_close(HostRun *run, const Plugin *plugin) {
        static const uint32_t nothing = 0;

        if (!plugin->desc.close)
                return;
        run->context.control = &nothing; /* the word of its first job is another one's by now */
        pthread_cleanup_push(on_thread_end, run);
        plugin->desc.close(&run->context);
        pthread_cleanup_pop(0);
}

void host_end(HostRun *run) {
        atomic_store(&run->is_over, 1);
        log_held_records(run);
        /* Not where its number means something else: see session.c. */
        if (run->own && descriptor_is_same(&run->own_socket))
                PQfinish(run->own);
        run->own = NULL;
}
