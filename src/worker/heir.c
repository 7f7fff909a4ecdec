/*
 * Carrying out a will. The dead worker is known to be gone, and all that it started, when an heir
 * is forked. Its last batch may still be at work in the server: lane_lock.sql waits for that.
 *
 * Everything here can be done twice: jobs and lane are settled under guards, records and notes have
 * the ids of their rows before they are sent. So an heir may be killed at any point, and the next
 * one does what is left; only the note of how the job ended is missing when it was killed just
 * between the settlement and the note. Each try waits for a lock no longer than the session's
 * lock_timeout; what is refused is tried again, and said once.
 */
#include "worker/heir.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "db/history_store.h"
#include "db/lane_store.h"
#include "db/pg.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/process.h"
#include "worker/account.h"

#define PAUSE_MAX_USEC (100 * USEC_PER_MSEC)

void heir_init(Heir *heir, const Will *will, Session *session, Recorder *recorder, const char *host,
               usec_t patience_usec) {
        *heir = (Heir){.will = *will,
                       .session = session,
                       .recorder = recorder,
                       .host = host,
                       .state = {.has_records = recorder && recorder->left.n,
                                 .settles_first = will->tries > 0,
                                 .died_usec = will->died_usec,
                                 .began_usec = clock_now_usec(),
                                 .patience_usec = patience_usec}};
}

/* "worker 42", or "supervisor 7". */
static void name_dead(const Heir *heir, char text[32]) {
        const Will *will = &heir->will;
        (void) snprintf(text, 32, "%s %d", will->pid ? "worker" : "supervisor",
                        will->pid ? will->pid : will->supervisor_id);
}

/* Once for each will: heirs that follow have nothing new to say. */
static void warn_refused(Heir *heir, const char *what) {
        int level = heir->has_warned || heir->will.tries ? LOG_DEBUG : LOG_WARNING;
        char name[32];

        heir->has_warned = 1;
        name_dead(heir, name);
        log_write(level, NULL, "%s of %s have to wait: %s", what, name,
                  heir->session->error.message);
}

/* Records of jobs that the dead workers did not have are not believed; 0, DB_E_* or -errno. */
static int check_left_jobs(Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        LeftRecords *left = &heir->recorder->left;
        int32_t ids[RECORDER_LEFT_JOBS];
        Batch batch = {0};

        size_t n = recorder_left_jobs(heir->recorder, ids, RECORDER_LEFT_JOBS);
        worker_jobs_add(&batch, ids, n, heir->host, heir->will.pids, heir->will.n_pids);
        int r = session_run_once(heir->session, &batch, &reply);
        left->n_jobs = 0;
        for (int row = 0; !r && row < db_rows(&reply, 0) && left->n_jobs < RECORDER_LEFT_JOBS;
             row++)
                left->jobs[left->n_jobs++] = (int32_t) db_int(reply.results[0], row, 0);
        left->is_checked = !r;
        return r;
}

static int write_records(Heir *heir) {
        int r = check_left_jobs(heir);
        if (!r)
                r = recorder_write_left(heir->recorder);
        if (r)
                warn_refused(heir, "history records");
        else
                CRASH_POINT(HEIR_RECORDS_WRITTEN);
        return r;
}

static void log_settled(const Heir *heir, const Settled *settled) {
        const Will *will = &heir->will;
        const Finished *job = &settled->job;
        LogFields fields = {.message_id = LOG_ID_SETTLED,
                            .job_id = job->id,
                            .co_id = settled->co_id,
                            .plugin = settled->plugin,
                            .job_status = "X",
                            .wall_usec = will->usage.wall_usec,
                            .cpu_usec = will->usage.cpu_usec,
                            .peak_bytes = will->usage.peak_bytes};

        log_write(LOG_WARNING, &fields, "job %d: failed: %s", job->id, will->account);
        if (job->successor)
                log_write(LOG_INFO, &fields, "job %d: queued again as job %d, not before %s UTC",
                          job->id, job->successor, job->start_after);
        if (*job->held)
                log_write(LOG_WARNING, &fields, "%s", job->held);
}

static void add_note(Heir *heir, int32_t job_id, int is_canceled) {
        if (heir->n_notes == HEIR_JOBS_MAX)
                return;
        heir->notes[heir->n_notes++] = (HeirNote){.job_id = job_id, .is_canceled = is_canceled};
        heir->state.has_note = 1;
}

static void take_settled(Heir *heir, const PGresult *result) {
        Settled settled;

        for (int row = 0; row < PQntuples(result); row++) {
                settle_read(result, row, &settled);
                if (settled.event == SETTLE_TOLD)
                        continue;
                add_note(heir, settled.job.id, settled.event == SETTLE_CANCELED);
                if (settled.event == SETTLE_CANCELED)
                        continue;
                heir->settled++;
                log_settled(heir, &settled);
        }
}

/* Jobs, lanes and, for a whole supervisor, its row: one transaction. */
static int try_settle_jobs(Heir *heir, const Will *will) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        settle_add(&batch, will);
        int r = session_run_once(heir->session, &batch, &reply);
        if (!r)
                take_settled(heir, reply.results[SETTLE_ROWS]);
        return r;
}

/* A finish summary that the server refuses keeps no job from its end: the log has it instead. */
static int settle_jobs(Heir *heir) {
        int r = try_settle_jobs(heir, &heir->will);
        char name[32];

        if (!session_is_refusal(heir->session, r) || !*heir->will.summary)
                return r;
        name_dead(heir, name);
        log_error("the jobs of %s could not be settled with the words '%s' (%s), trying without",
                  name, heir->will.summary, heir->session->error.message);
        heir->will.summary[0] = '\0';
        return try_settle_jobs(heir, &heir->will);
}

/*
 * A row that the server refuses to settle keeps its own lane, and no other: what else the
 * supervisor left is settled worker by worker. Its row stays for what is left, and is tried again.
 */
static int settle_each_worker(Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        DbError refusal = {0};

        lane_holders_add(&batch, heir->will.supervisor_id);
        int r = session_run_once(heir->session, &batch, &reply);
        for (int row = 0; !r && row < db_rows(&reply, 0); row++) {
                Will will = heir->will;
                will.pid = (int32_t) db_int(reply.results[0], row, 0);
                will.start_ticks = db_int(reply.results[0], row, 1);
                r = try_settle_jobs(heir, &will);
                if (session_is_refusal(heir->session, r)) {
                        refusal = heir->session->error;
                        r = 0;
                }
        }
        if (r || !refusal.class)
                return r ? r : settle_jobs(heir);
        heir->session->error = refusal;
        return refusal.class;
}

/*
 * A supervisor that has not renewed its row must not come back while it is settled. Returns
 * DB_E_GONE when it has renewed it, or when others were faster.
 */
static int condemn_supervisor(Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        int64_t token = identity_token();
        Batch batch = {0};

        supervisor_condemn_add(&batch, &heir->will, token);
        int r = session_run_once(heir->session, &batch, &reply);
        if (r)
                return r;
        if (!db_affected(&reply, 0))
                return DB_E_GONE;
        heir->is_condemned = 1;
        heir->will.token = token;
        CRASH_POINT(HEIR_CONDEMNED);
        return 0;
}

/*
 * Workers of a supervisor that has just died on this host, and what they started, may live for a
 * moment longer. They are waited for, and not killed: a row may be of a copy of the database, and
 * the processes another's. Their parent's death and their watches end them, at the latest with the
 * lease; then nobody waits. Returns DB_E_RETRY while something lives, or while that is not known.
 */
static int await_workers(const Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        int is_alive = 0;

        lane_holders_add(&batch, heir->will.supervisor_id);
        int r = session_run_once(heir->session, &batch, &reply);
        for (int row = 0; !r && row < db_rows(&reply, 0); row++)
                is_alive |= process_led_life((pid_t) db_int(reply.results[0], row, 0),
                                             db_int(reply.results[0], row, 1)) != PROCESS_GONE;
        if (!is_alive)
                return r;
        heir->session->error =
                (DbError){.class = DB_E_RETRY, .message = "a worker of it is still alive"};
        return DB_E_RETRY;
}

static int settle_supervisor(Heir *heir) {
        int r = heir->will.has_lapsed && !heir->is_condemned ? condemn_supervisor(heir) : 0;
        if (r == DB_E_GONE)
                return 0; /* nothing is left to be settled */
        if (!r && heir->will.is_here && !heir->will.has_lapsed)
                r = await_workers(heir);
        if (!r)
                r = settle_jobs(heir);
        return session_is_refusal(heir->session, r) ? settle_each_worker(heir) : r;
}

static int settle(Heir *heir) {
        int r = heir->will.pid ? settle_jobs(heir) : settle_supervisor(heir);
        if (r)
                warn_refused(heir, "the jobs");
        else
                CRASH_POINT(HEIR_SETTLED);
        return r;
}

/* Ids first: an answer that is lost must not make a second record. */
static int reserve_note_ids(Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        size_t missing = 0;

        for (size_t i = 0; i < heir->n_notes; i++)
                missing += !heir->notes[i].is_canceled && !heir->notes[i].id;
        if (!missing)
                return 0;
        history_reserve_add(&batch, missing);
        int r = session_run_once(heir->session, &batch, &reply);
        int row = 0;
        for (size_t i = 0; !r && i < heir->n_notes; i++)
                if (!heir->notes[i].is_canceled && !heir->notes[i].id && row < db_rows(&reply, 0))
                        heir->notes[i].id = (int32_t) db_int(reply.results[0], row++, 0);
        return r;
}

static int write_ended(Heir *heir) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        HistoryList list = {0};
        HistoryRecord record;
        Batch batch = {0};
        int r = 0;

        for (size_t i = 0; !r && i < heir->n_notes; i++) {
                if (heir->notes[i].is_canceled)
                        continue;
                account_record(heir->notes[i].job_id, heir->will.account, &record);
                record.id = heir->notes[i].id;
                r = history_list_append(&list, &record);
        }
        if (r || !list.n) {
                history_list_done(&list);
                return r;
        }
        history_add_add(&batch, &list);
        return session_run_once(heir->session, &batch, &reply);
}

/* Of a canceled job: whoever writes it first says how its plugin ended, and counts it. */
static int write_stopped(Heir *heir) {
        for (size_t i = 0; i < heir->n_notes; i++) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                Batch batch = {0};

                if (!heir->notes[i].is_canceled)
                        continue;
                job_stopped_add(&batch, heir->notes[i].job_id, heir->will.account);
                int r = session_run_once(heir->session, &batch, &reply);
                if (r)
                        return r;
                heir->canceled += db_affected(&reply, 0) > 0;
        }
        return 0;
}

/*
 * How the jobs ended, and what they used. In a transaction of its own: somebody may hold a lock on
 * a table that history refers to, and that must not keep the CO from going on.
 */
static int write_note(Heir *heir) {
        int r = reserve_note_ids(heir);
        if (!r)
                r = write_ended(heir);
        if (!r)
                r = write_stopped(heir);
        if (r)
                warn_refused(heir, "notes on the jobs");
        else
                CRASH_POINT(HEIR_NOTED);
        return r;
}

/* The server had its chances. */
static void give_up(Heir *heir) {
        double seconds =
                (double) usec_sub(clock_now_usec(), heir->will.died_usec) / (double) USEC_PER_SEC;
        size_t n = heir->recorder ? recorder_drop_left(heir->recorder) : 0;
        char name[32];

        name_dead(heir, name);
        if (n)
                log_error("the last %zu history records of %s could not be written within %.0f s: "
                          "they are lost",
                          n, name, seconds);
        if (heir->state.has_note)
                for (size_t i = 0; i < heir->n_notes; i++)
                        log_warning("job %d: how it ended could not be written to its history "
                                    "within %.0f s",
                                    heir->notes[i].job_id, seconds);
        heir->lost += n;
}

static void pause_until(usec_t until_usec) {
        usec_t usec = MIN_OF(usec_sub(until_usec, clock_now_usec()), PAUSE_MAX_USEC);
        struct timespec time = {.tv_nsec = (long) (usec * 1000)};
        (void) nanosleep(&time, NULL);
}

/* Without a connection every try is a refusal. */
static int try_step(Heir *heir, HeirStep step) {
        int r = session_try(heir->session);
        if (r)
                return r;
        switch (step) {
        case HEIR_WRITE_RECORDS:
                return write_records(heir);
        case HEIR_SETTLE:
                return settle(heir);
        case HEIR_WRITE_NOTE:
                return write_note(heir);
        default:
                return 0;
        }
}

/* Carries out the step that is next, and returns it. */
static HeirStep go_on(Heir *heir) {
        HeirStep step = inheritance_next(&heir->state, clock_now_usec());
        int is_done = 1;

        switch (step) {
        case HEIR_WRITE_RECORDS:
        case HEIR_SETTLE:
        case HEIR_WRITE_NOTE:
                is_done = !try_step(heir, step);
                break;
        case HEIR_GIVE_UP:
                give_up(heir);
                break;
        case HEIR_WAIT:
        case HEIR_RESIGN:
        case HEIR_DONE:
                return step;
        case HEIR_REPORT:
                break;
        }
        inheritance_note_try(&heir->state, step, is_done, clock_now_usec());
        return step;
}

int heir_settle(Heir *heir) {
        for (;;) {
                switch (go_on(heir)) {
                case HEIR_REPORT:
                        return 0;
                case HEIR_RESIGN:
                        return HEIR_E_RESIGNED;
                case HEIR_WAIT:
                        pause_until(inheritance_wake(&heir->state));
                        break;
                default:
                        break;
                }
        }
}

void heir_try_rest(Heir *heir) {
        HeirStep step;

        if (!heir->session)
                return; /* not an heir */
        do
                step = go_on(heir);
        while (step != HEIR_WAIT && step != HEIR_DONE);
}

void heir_finish(Heir *heir, usec_t patience_usec) {
        usec_t until = usec_add(clock_now_usec(), patience_usec), wake;

        while ((wake = heir_wake(heir)) != USEC_INFINITY) {
                if (clock_now_usec() >= until) {
                        give_up(heir);
                        return;
                }
                pause_until(wake);
                heir_try_rest(heir);
        }
}

usec_t heir_wake(const Heir *heir) {
        return heir->session ? inheritance_wake(&heir->state) : USEC_INFINITY;
}

void heir_report(Heir *heir, ChannelMessage *message) {
        uint64_t lost = heir->lost;

        if (heir->recorder) {
                lost += heir->recorder->lost;
                heir->recorder->lost = 0;
                message->left = (uint32_t) heir->recorder->left.n;
        }
        message->settled = heir->settled;
        message->canceled = heir->canceled;
        message->lost = (uint32_t) MIN_OF(lost, (uint64_t) UINT32_MAX);
        heir->settled = heir->canceled = 0;
        heir->lost = 0;
}
