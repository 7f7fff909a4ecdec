/*
 * Two processes: a child runs the plugin with the worker's own code, and this one, whose PID the
 * row has, looks after it: progress on the terminal, cancels, the lease, signals, and what is left
 * when the child dies. `kill PID` reaches the plugin as SIGTERM; Ctrl-C cancels the job.
 */
#include "cli/run_now.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/outcome.h"
#include "plugin/recorder.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "worker/account.h"
#include "worker/children.h"
#include "worker/finish.h"
#include "worker/spawn.h"

#define LEASE_USEC (30 * USEC_PER_SEC)
#define POLL_USEC USEC_PER_SEC /* for cancels */
#define RENEW_USEC (10 * USEC_PER_SEC)
#define TICK_NSEC 100000000          /* of the progress bar */
#define KILL_USEC (5 * USEC_PER_SEC) /* from SIGTERM to SIGKILL */

typedef struct Child {
        Cli *cli;
        const Catalog *catalog;
        const Identity *identity;
        const Job *job;
        StatusPage *page;
} Child;

typedef struct Watch {
        Cli *cli;
        const Identity *identity;
        const Job *job;
        StatusPage *page;
        pid_t pid;
        usec_t polled_usec, renewed_usec, terminated_usec;
        unsigned interrupts;
        int status;          /* of the child, after its end: what wait(2) gave */
        struct rusage usage; /* of the child, after its end */
        Strangers strangers;
} Watch;

int run_now_join(Cli *cli, Identity *ret) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        int r = identity_init(ret);
        if (r) {
                cli_say("could not find out who this process is: %s", strerror(-r));
                return CLI_FAILED;
        }
        supervisor_register_add(&batch, ret, "command", 1, LEASE_USEC);
        int code = cli_run(cli, &batch, &reply);
        if (!code && supervisor_register_read(&reply, &ret->id, &reply.error))
                code = cli_say_error(&reply.error);
        return code;
}

void run_now_leave(Cli *cli, const Identity *identity) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        supervisor_remove_add(&batch, identity->id, identity->token);
        (void) cli_run(cli, &batch, &reply);
}

/* The child: one job with the worker's code. */
static int run_child_job(void *arg) {
        const Child *child = arg;
        DbSettings settings = child->cli->settings;
        settings.application_name = "registry-job worker";
        Residue residue;
        Runner runner = {.catalog = child->catalog,
                         .session = {.settings = &settings},
                         .page = child->page,
                         .residue = &residue,
                         .limits = &child->cli->config->limits,
                         .holder = {.host = child->identity->host, .pid = child->identity->pid}};
        const Config *config = child->cli->config;
        FinishReply reply;
        RunResult result;

        runner_limit_programs(&config->limits, config->exec, config->n_exec);
        runner.recorder = (Recorder){.page = child->page, .session = &runner.session};
        int r = watch_start(child->page, LEASE_USEC, &runner.watch);
        children_adopt();
        if (!r)
                r = session_connect(&runner.session);
        if (!r)
                r = residue_init(&residue, -1, runner.session.socket.fd);
        if (!r)
                r = run_job(&runner, child->job, &result);
        if (!r)
                r = finish_job(&runner, child->job, &result, NULL, FINISH_ALONE, 0, &reply);
        session_close(&runner.session);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int has_bar(const Watch *w) {
        return !w->cli->options->is_quiet && isatty(STDERR_FILENO);
}

static void show_progress(const Watch *w, int is_last) {
        static const char full[] = "########################################";
        int percent = (int) atomic_load(&w->page->percent);

        if (!has_bar(w))
                return;
        (void) fprintf(stderr, "\rjob %d [%-40.*s] %3d %%%s", w->job->id, percent * 40 / 100, full,
                       percent, is_last ? "\n" : "");
}

static void cancel(Watch *w) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        char summary[SUMMARY_SIZE];

        (void) snprintf(summary, sizeof(summary), "Job canceled by %.200s", cli_actor(w->cli));
        job_cancel_add(&batch, w->job->id, summary, cli_actor(w->cli));
        (void) cli_run(w->cli, &batch, &reply);
        (void) status_page_control(w->page, w->job->id, RJ_CONTROL_CANCEL);
}

static void terminate(Watch *w, int signal) {
        spawn_signal(w->pid, signal);
        if (!w->terminated_usec)
                w->terminated_usec = clock_now_usec();
}

static void on_signal(Watch *w, int signal) {
        if (signal == SIGTERM) {
                terminate(w, SIGTERM);
                return;
        }
        if (signal != SIGINT)
                return;
        switch (++w->interrupts) {
        case 1:
                if (has_bar(w))
                        (void) fputc('\n', stderr);
                cli_tell(w->cli, "canceling; once more ends the plugin");
                cancel(w);
                break;
        case 2:
                terminate(w, SIGTERM);
                break;
        default:
                terminate(w, SIGKILL);
        }
}

/* Asks whether the job was canceled and, when it is time, renews the lease. */
static int poll_database(Watch *w, int has_renewal, usec_t now) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        job_status_add(&batch, w->job->id);
        if (has_renewal)
                supervisor_renew_add(&batch, w->identity, 1, 1, NULL);
        int r = db_run_retry(w->cli->db, &batch, &reply);
        if (r)
                return r;
        if (has_renewal && !db_affected(&reply, 1)) {
                cli_say("others took this process for dead and settled its job");
                terminate(w, SIGKILL);
        } else if (has_renewal) {
                w->renewed_usec = now;
                atomic_store(&w->page->lease_end_usec, now + LEASE_USEC);
        }
        if (job_status_read(reply.results[0]) == JOB_CANCELED)
                (void) status_page_control(w->page, w->job->id, RJ_CONTROL_CANCEL);
        return 0;
}

/* An open connection: the one there is, or a new one. Says nothing: the lease ends what lasts. */
static int reconnect(Cli *cli) {
        DbError error;
        return cli->db ? 0 : db_open(&cli->settings, &cli->db, &error);
}

/*
 * The lease, for both processes, and cancels from elsewhere. Without the database the child goes on
 * until the lease ends: its own thread sees to that, even while this process is stopped.
 */
static void keep_up(Watch *w) {
        usec_t now = clock_now_usec();

        if (w->terminated_usec && now >= w->terminated_usec + KILL_USEC)
                spawn_signal(w->pid, SIGKILL);
        if (now < w->polled_usec + POLL_USEC)
                return;
        w->polled_usec = now;
        if (!reconnect(w->cli) &&
            poll_database(w, now >= w->renewed_usec + RENEW_USEC, now) == DB_E_UNAVAILABLE)
                w->cli->db = db_close(w->cli->db);
}

/* 1 when the child has ended; reaps whatever has. */
static int has_ended(Watch *w) {
        struct rusage usage;
        pid_t pid;
        int status;

        while ((pid = spawn_ended()) > 0) {
                spawn_reap(pid, pid == w->pid, &status, &usage);
                (void) strangers_forget(&w->strangers, pid);
                if (pid != w->pid)
                        continue;
                w->status = status;
                w->usage = usage;
                return 1;
        }
        return pid < 0; /* somebody else has waited for it */
}

/* Waits for the child's end, and ends what it has left. */
static void look_after(Watch *w) {
        const struct timespec tick = {.tv_nsec = TICK_NSEC};
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        while (!has_ended(w)) {
                int signal = sigtimedwait(&signals, NULL, &tick);
                if (signal > 0)
                        on_signal(w, signal);
                keep_up(w);
                show_progress(w, 0);
        }
        show_progress(w, 1);
        if (children_end_but(&w->strangers) < 0)
                cli_tell(w->cli, "processes that the plugin left could not be ended");
}

/* The job becomes Failed, unless the child has finished it. */
static void end_job(Watch *w) {
        _cleanup_(db_reply_donep) DbReply reply = {0}, ignored = {0};
        Holder holder = {.host = w->identity->host, .pid = w->identity->pid};
        JobUsage usage = account_usage(w->page, &w->usage);
        char summary[SUMMARY_SIZE], account[SUMMARY_SIZE];
        Batch batch = {0}, note = {0};
        HistoryList list = {0};
        HistoryRecord record;
        Finished finished;

        outcome_describe(spawn_outcome(w->status), ended_by_words(atomic_load(&w->page->ended_by)),
                         summary, sizeof(summary));
        (void) snprintf(account, sizeof(account), "%s", summary);
        outcome_add_usage(&usage, account, sizeof(account));
        job_finish_add(&batch, w->job->id, JOB_EV_WORKER_LOST, JOB_FAILED, summary, holder);
        job_stopped_add(&batch, w->job->id, account);
        if (cli_run(w->cli, &batch, &reply))
                return;
        job_finish_read(reply.results[0], 0, &finished);
        account_record(w->job->id, account, &record);
        if (!finished.id || history_list_append(&list, &record))
                return;
        history_add_add(&note, &list);
        (void) cli_run(w->cli, &note, &ignored);
}

/* What the child did not write or commit itself. */
static void settle_child(Watch *w) {
        HistoryList list = {0};
        uint64_t end = 0;

        if (!w->cli->db || !db_is_alive(w->cli->db)) {
                w->cli->db = db_close(w->cli->db);
                if (cli_connect(w->cli))
                        return; /* the daemon settles what is left when this process is gone */
        }
        while (!recorder_salvage(w->page, RECORDER_BATCH, &list, &end) && list.n) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                Batch batch = {0};
                history_add_add(&batch, &list);
                if (cli_run(w->cli, &batch, &reply))
                        break;
                ring_release(w->page, end);
        }
        history_list_done(&list);

        end_job(w);
}

static const char *end_id(JobState state) {
        return state == JOB_COMPLETE   ? LOG_ID_FINISHED
               : state == JOB_CANCELED ? LOG_ID_CANCELED
                                       : LOG_ID_FAILED;
}

/* Says how it ended. */
static int report(Cli *cli, const Job *job) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, SQL_JOB_SHOW);
        batch_int(&batch, job->id);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0))
                return CLI_NOT_FOUND;
        const PGresult *row = reply.results[0];
        JobState state = job_state_parse(PQgetvalue(row, 0, PQfnumber(row, "status")));
        const char *summary = PQgetvalue(row, 0, PQfnumber(row, "finish_summary"));
        LogFields fields = {.message_id = end_id(state),
                            .job_id = job->id,
                            .co_id = job->co_id,
                            .plugin = job->plugin,
                            .job_status = job_state_code(state)};
        cli_note(&fields, "job %d: %s: %s", job->id, job_state_name(state), summary);
        cli_tell(cli, "job %d is %s: %s", job->id, job_state_name(state), summary);
        return cli_code_of(state);
}

int run_now(Cli *cli, const Catalog *catalog, Identity *identity, const Job *job) {
        _cleanup_(status_page_freep) StatusPage *page = NULL;
        Watch watch = {.cli = cli, .identity = identity, .job = job, .status = W_STOPCODE(0)};
        sigset_t signals;

        int r = status_page_new(&page);
        if (!r) {
                Child child = {cli, catalog, identity, job, page};
                watch.page = page;
                watch.renewed_usec = clock_now_usec();
                atomic_store(&page->lease_end_usec, watch.renewed_usec + LEASE_USEC);
                (void) sigemptyset(&signals);
                (void) sigaddset(&signals, SIGINT);
                (void) sigaddset(&signals, SIGTERM);
                (void) sigaddset(&signals, SIGCHLD);
                (void) sigprocmask(SIG_BLOCK, &signals, NULL);
                strangers_note(&watch.strangers);
                children_adopt();
                r = spawn_child(run_child_job, &child, &cli->log_fd, 1, &watch.pid);
        }
        if (r) {
                cli_say("could not start the job: %s", strerror(-r));
                return CLI_FAILED; /* its row is settled by the daemon when this process is gone */
        }
        look_after(&watch);
        settle_child(&watch); /* changes nothing where the child has finished the job */
        if (!cli->db)
                return CLI_UNAVAILABLE;
        run_now_leave(cli, identity);
        return report(cli, job);
}
