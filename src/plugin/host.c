/*
 * The table of host functions. Whatever a plugin passes in is checked here; whatever goes wrong
 * becomes one of the three negative codes of the interface, and is kept in run->error for the
 * job's summary.
 */
#include "plugin/host.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/pg.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define PROGRESS_INTERVAL_USEC (500 * USEC_PER_MSEC)
#define LOGGED_RECORDS 200              /* at most, of one worker, */
#define LOGGED_USEC (10 * USEC_PER_SEC) /* in this time */
#define WAIT_TICK_NSEC 50000000         /* while the ring is full */

/* Every host function begins with this: a plugin that calls them is alive. */
static HostRun *run_of(const struct rj_context *context) {
        HostRun *run = (HostRun *) context; /* its first member */
        status_page_active(run->page, clock_now_usec());
        return run;
}

static LogFields fields_of(const HostRun *run) {
        return (LogFields){
                .job_id = run->context.job_id, .co_id = run->context.co_id, .plugin = run->plugin};
}

/* A parameter that the plugin's own table does not have is a bug that no job should survive. */
static int find_param(const struct rj_context *context, const char *name, uint32_t types) {
        const HostRun *run = run_of(context);
        int index = params_find(run->params, name, types);

        if (index < 0) {
                LogFields fields = fields_of(run);
                log_write(LOG_CRIT, &fields,
                          "plugin asked for parameter '%s', which its model does not declare so",
                          name);
                abort();
        }
        return index;
}

static int param_given(const struct rj_context *context, const char *name) {
        return params_given(run_of(context)->params, find_param(context, name, UINT32_MAX));
}

static int64_t param_int(const struct rj_context *context, const char *name, int64_t otherwise) {
        const Params *params = run_of(context)->params;
        int index = find_param(context, name, 1u << RJ_PARAM_INT);
        return params_given(params, index) ? params_integer(params, index) : otherwise;
}

static int param_bool(const struct rj_context *context, const char *name, int otherwise) {
        const Params *params = run_of(context)->params;
        int index = find_param(context, name, 1u << RJ_PARAM_BOOL);
        return params_given(params, index) ? (int) params_integer(params, index) : otherwise;
}

static const char *param_string(const struct rj_context *context, const char *name,
                                const char *otherwise) {
        const Params *params = run_of(context)->params;
        int index = find_param(context, name, 1u << RJ_PARAM_STRING | 1u << RJ_PARAM_SELECT);
        return params_given(params, index) ? params_string(params, index) : otherwise;
}

static size_t param_ids(const struct rj_context *context, const char *name, int32_t *ids,
                        size_t max) {
        const int32_t *found;
        size_t n = params_ids(run_of(context)->params, find_param(context, name, 1u << RJ_PARAM_FK),
                              &found);
        if (n && max)
                memcpy(ids, found, MIN_OF(n, max) * sizeof(*ids));
        return n;
}

static const char *param_json(const struct rj_context *context) {
        return params_json(run_of(context)->params);
}

/* What a failure means to the plugin. */
static int failure(HostRun *run, int r, const DbError *error) {
        if (error)
                run->error = *error;
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
        HostRun *run = run_of(context);
        if (atomic_load(&run->is_over))
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
                status_page_active(run->page, clock_now_usec());
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

static int record(struct rj_context *context, const struct rj_record *from) {
        HostRun *run = run_of(context);
        HistoryRecord to = {.job_id = context->job_id};

        if (atomic_load(&run->is_over) || !from || from->struct_size < sizeof(struct rj_record) ||
            from->status < RJ_RECORD_OK || from->status > RJ_RECORD_NOTICE || from->person_id < 0 ||
            from->external_identity_id < 0)
                return RJ_E_INVALID;
        to.status = from->status;
        to.person_id = from->person_id;
        to.external_identity_id = from->external_identity_id;
        (void) text_copy_utf8(to.key, sizeof(to.key), HISTORY_KEY_CHARS, from->key);
        (void) text_copy_utf8(to.comment, sizeof(to.comment), HISTORY_COMMENT_CHARS, from->comment);

        int r = add_or_wait(run, &to);
        if (r)
                return failure(run, r, r > 0 ? &run->session->error : NULL);
        if (log_level() >= LOG_DEBUG)
                log_record(run, &to);
        return 0;
}

static int start_summary(struct rj_context *context, const char *text) {
        HostRun *run = run_of(context);
        char cut[SUMMARY_SIZE];
        Batch batch = {0};

        if (atomic_load(&run->is_over))
                return RJ_E_INVALID;
        (void) text_copy_utf8(cut, sizeof(cut), SUMMARY_CHARS, text);
        job_start_summary_add(&batch, context->job_id, run->holder, cut);
        int is_done;
        return run_batch(run, &batch, &is_done);
}

static int summary(struct rj_context *context, const char *text) {
        HostRun *run = run_of(context);
        if (atomic_load(&run->is_over))
                return RJ_E_INVALID;
        (void) text_copy_utf8(run->summary, sizeof(run->summary), SUMMARY_CHARS, text);
        return 0;
}

static void write_log(struct rj_context *context, int level, const char *text) {
        LogFields fields = fields_of(run_of(context));
        level = MAX_OF(LOG_ERR, MIN_OF(LOG_DEBUG, level));
        log_write(level, &fields, "job %d: %s", context->job_id, text ? text : "");
}

static void *own_connection(struct rj_context *context) {
        HostRun *run = run_of(context);

        if (atomic_load(&run->is_over))
                return NULL;
        if (run->own && PQstatus(run->own) != CONNECTION_BAD)
                return run->own;
        (void) descriptors_mend_standard();
        /* The same object again, or whatever the plugin has kept would point into nothing. */
        int r = run->own ? db_reset_plain(&run->settings, run->own, &run->error)
                         : db_open_plain(&run->settings, &run->own, &run->error);
        if (r)
                return NULL;
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

void host_begin(HostRun *run, const Job *job, const CatalogEntry *entry, const uint32_t *control) {
        run->context = (struct rj_context){.host = &host,
                                           .control = control,
                                           .model = &entry->model,
                                           .job_id = job->id,
                                           .co_id = job->co_id};
        run->plugin = entry->name;
        run->percent_written = -1;
        run->percent_usec = clock_now_usec(); /* what ends soon needs no percentage */
        run->summary[0] = '\0';
        run->error = (DbError){0};
}

int host_call(HostRun *run) {
        status_page_called(run->page, clock_now_usec(), clock_cpu_usec());
        return run->context.model->run(&run->context);
}

void host_end(HostRun *run) {
        atomic_store(&run->is_over, 1);
        log_held_records(run);
        /* Not where its number means something else: see session.c. */
        if (run->own && descriptor_is_same(&run->own_socket))
                PQfinish(run->own);
        run->own = NULL;
}
