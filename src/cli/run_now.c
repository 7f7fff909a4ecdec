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
#include "ipc/shared.h"
#include "process/children.h"
#include "process/escalation.h"
#include "process/spawn.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "worker/account.h"
#include "worker/finish.h"
#include "worker/heir.h"
#include "worker/opening.h"

#define LEASE_USEC (30 * USEC_PER_SEC)
#define POLL_USEC USEC_PER_SEC /* for cancels */
#define RENEW_USEC (10 * USEC_PER_SEC)
#define TICK_NSEC 100000000 /* of the progress bar */
#define SETTLE_STATEMENT_USEC (10 * USEC_PER_SEC)
#define KILL_USEC (5 * USEC_PER_SEC) /* from SIGTERM to SIGKILL */

static const CancelPolicy end_policy = {.kill_usec = KILL_USEC};

/* What both processes are given. */
typedef struct Foreground {
        Cli *cli;
        const Catalog *catalog;
        const Identity *identity;
        const Job *job;
        Orders *orders;
        StatusPage *page;
        int orders_fd, page_fd; /* through which the child maps them */
        /* Of the parent, who looks after the child. */
        pid_t pid;
        usec_t polled_usec, renewed_usec;
        Cancel end; /* of the child, by a signal */
        unsigned interrupts;
        int status;          /* of the child, after its end: what wait(2) gave */
        struct rusage usage; /* of the child, after its end */
        Strangers strangers;
} Foreground;

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

static int map_pages(const Foreground *f, Runner *runner) {
        int r = orders_map(f->orders_fd, &runner->orders);
        int r_page = status_page_map(f->page_fd, &runner->page);
        return r ? r : r_page;
}

/* The child: one job with the worker's code. */
static int run_child_job(void *arg) {
        const Foreground *f = arg;
        const Config *config = f->cli->config;
        DbSettings settings = f->cli->settings;
        settings.application_name = "registry-job worker";
        Residue residue;
        Runner runner = {.catalog = f->catalog,
                         .session = {.settings = &settings},
                         .residue = &residue,
                         .limits = &config->limits,
                         .holder = {.host = f->identity->host, .pid = f->identity->pid}};
        FinishReply reply;
        RunResult result;

        int r = runner_prepare_programs(&runner, config->exec, config->n_exec);
        if (!r)
                r = map_pages(f, &runner);
        if (!r)
                r = watch_start(runner.page, runner.orders, -1, &runner.watch);
        children_adopt();
        if (!r)
                r = session_connect(&runner.session);
        if (!r) {
                recorder_init(&runner.recorder, runner.page, &runner.session);
                r = residue_init(&residue, -1, runner.session.socket.fd);
        }
        if (!r)
                r = run_job(&runner, f->job, &result);
        if (!r)
                r = finish_job(&runner, f->job, &result, NULL, FINISH_ALONE, 0, &reply);
        opening_close_all(&runner);
        session_close(&runner.session);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int has_bar(const Foreground *f) {
        return !f->cli->options->is_quiet && isatty(STDERR_FILENO);
}

static void show_progress(const Foreground *f, int is_last) {
        static const char full[] = "########################################";
        uint32_t written = atomic_load(&f->page->percent); /* by whoever can write to the page */
        int percent = (int) MIN_OF(written, 100u);
        char bar[100];

        if (!has_bar(f))
                return;
        (void) snprintf(bar, sizeof(bar), "\rjob %d [%-40.*s] %3d %%%s", f->job->id,
                        percent * 40 / 100, full, percent, is_last ? "\n" : "");
        log_show(bar);
}

static void cancel_by_hand(Foreground *f) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        char summary[SUMMARY_SIZE];

        (void) snprintf(summary, sizeof(summary), "Job canceled by %.200s", cli_actor(f->cli));
        job_cancel_add(&batch, f->job->id, summary, cli_actor(f->cli));
        (void) cli_run(f->cli, &batch, &reply);
        (void) orders_control_job(f->orders, f->page, f->job->id, RJ_CONTROL_CANCEL);
}

static void end_child(Foreground *f, CancelStep step) {
        escalate_to(&f->end, step, f->pid, clock_now_usec());
}

static void on_signal(Foreground *f, int signal) {
        if (signal == SIGTERM) {
                end_child(f, CANCEL_TERM);
                return;
        }
        if (signal != SIGINT)
                return;
        switch (++f->interrupts) {
        case 1:
                if (has_bar(f))
                        log_show("\n");
                cli_tell(f->cli, "canceling; once more ends the plugin");
                cancel_by_hand(f);
                break;
        case 2:
                end_child(f, CANCEL_TERM);
                break;
        default:
                end_child(f, CANCEL_KILL);
        }
}

/* Asks whether the job was canceled and, when it is time, renews the lease. */
static int poll_database(Foreground *f, int has_renewal, usec_t now) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        job_status_add(&batch, f->job->id);
        if (has_renewal)
                supervisor_renew_add(&batch, f->identity, 1, 1, NULL, NULL, 0);
        int r = db_run_retry(f->cli->db, &batch, &reply);
        if (r)
                return r;
        if (has_renewal && !db_affected(&reply, 1)) {
                cli_say("others took this process for dead and settled its job");
                end_child(f, CANCEL_KILL);
        } else if (has_renewal) {
                f->renewed_usec = now;
                atomic_store(&f->orders->lease_end_usec, now + LEASE_USEC);
        }
        if (job_status_read(reply.results[0]) == JOB_CANCELED)
                (void) orders_control_job(f->orders, f->page, f->job->id, RJ_CONTROL_CANCEL);
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
static void keep_up(Foreground *f) {
        usec_t now = clock_now_usec();

        (void) escalate(&f->end, &end_policy, f->pid, now);
        (void) orders_control_job(f->orders, f->page, atomic_load(&f->page->overrun_job),
                                  RJ_CONTROL_CANCEL);
        if (now < f->polled_usec + POLL_USEC)
                return;
        f->polled_usec = now;
        if (!reconnect(f->cli) &&
            poll_database(f, now >= f->renewed_usec + RENEW_USEC, now) == DB_E_UNAVAILABLE)
                f->cli->db = db_close(f->cli->db);
}

/* 1 when the child has ended; reaps whatever has. */
static int has_ended(Foreground *f) {
        struct rusage usage;
        pid_t pid;
        int status;

        while ((pid = spawn_ended()) > 0) {
                spawn_reap(pid, pid == f->pid, &status, &usage);
                (void) strangers_forget(&f->strangers, pid);
                if (pid != f->pid)
                        continue;
                f->status = status;
                f->usage = usage;
                return 1;
        }
        return pid < 0; /* somebody else has waited for it */
}

/* Waits for the child's end, and ends what it has left. */
static void look_after(Foreground *f) {
        const struct timespec tick = {.tv_nsec = TICK_NSEC};
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        while (!has_ended(f)) {
                int signal = sigtimedwait(&signals, NULL, &tick);
                if (signal > 0)
                        on_signal(f, signal);
                keep_up(f);
                show_progress(f, 0);
        }
        show_progress(f, 1);
        if (children_end_but(&f->strangers) < 0)
                cli_tell(f->cli, "processes that the plugin left could not be ended");
}

/* 1 when the child has finished the job, and written all of its records. */
static int has_finished(const Foreground *f) {
        return WIFEXITED(f->status) && WEXITSTATUS(f->status) == EXIT_SUCCESS &&
               ring_oldest(f->page) == ring_end(f->page);
}

static Will write_will(const Foreground *f) {
        JobUsage usage = account_usage(f->page, &f->usage);
        Will will = {.supervisor_id = f->identity->id,
                     .pid = f->identity->pid,
                     .start_ticks = f->identity->start_ticks,
                     .job_id = f->job->id,
                     .died_usec = clock_now_usec()};

        will_add_pid(&will, will.pid);
        will_write(&will, spawn_outcome(f->status), ended_by_words(atomic_load(&f->page->ended_by)),
                   &usage);
        return will;
}

/*
 * What the child did not write or commit itself. Returns 0 when it could not be settled: then the
 * row of this process stays, so that a daemon finds the job when this process is gone.
 */
static int settle_child(Foreground *f) {
        DbSettings settings = f->cli->settings;
        settings.statement_usec = SETTLE_STATEMENT_USEC;
        settings.lock_usec = USEC_PER_SEC;
        Session session = {.settings = &settings};
        Will will = write_will(f);
        Recorder recorder;
        Heir heir;

        recorder_init(&recorder, f->page, &session);
        heir_init(&heir, &will, &session, &recorder, f->identity->host, HEIR_PATIENCE_USEC);
        int r = heir_settle(&heir);
        if (r)
                cli_say("job %d could not be settled: %s; a daemon does that when this process is "
                        "gone",
                        f->job->id, session.error.message);
        else
                heir_finish(&heir, HEIR_PATIENCE_USEC);
        session_close(&session);
        return !r;
}

static const char *end_id(JobState state) {
        return state == JOB_COMPLETE   ? LOG_ID_FINISHED
               : state == JOB_CANCELED ? LOG_ID_CANCELED
                                       : LOG_ID_FAILED;
}

/* Says how it ended. */
static int report_end(Cli *cli, const Job *job) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, SQL_JOB_SHOW);
        batch_int(&batch, job->id);
        int code = cli_run(cli, &batch, &reply);
        if (code)
                return code;
        if (!db_rows(&reply, 0))
                return CLI_NOT_FOUND;
        log_set_patience(CLI_PATIENCE_USEC); /* nothing waits for this process any more */
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

static void block_signals(void) {
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int fork_child(Foreground *f) {
        int writable_fd;

        int r = orders_new(&f->orders, &writable_fd);
        if (!r) {
                f->orders_fd = shared_open_read_only(writable_fd);
                (void) close(writable_fd);
                r = f->orders_fd < 0 ? f->orders_fd : status_page_new(&f->page, &f->page_fd);
        }
        if (r)
                return r;
        f->renewed_usec = clock_now_usec();
        atomic_store(&f->orders->lease_end_usec, f->renewed_usec + LEASE_USEC);
        block_signals();
        strangers_note(&f->strangers);
        children_adopt();
        const int keep[] = {f->cli->log_fd, f->orders_fd, f->page_fd};
        return spawn_child(run_child_job, f, keep, ARRAY_SIZE(keep), &f->pid);
}

static void free_pages(Foreground *f) {
        f->orders = orders_free(f->orders);
        f->page = status_page_free(f->page);
        closep(&f->orders_fd);
        closep(&f->page_fd);
}

int run_now(Cli *cli, const Catalog *catalog, Identity *identity, const Job *job) {
        Foreground f = {.cli = cli,
                        .catalog = catalog,
                        .identity = identity,
                        .job = job,
                        .orders_fd = -1,
                        .page_fd = -1,
                        .status = W_STOPCODE(0)};

        int r = fork_child(&f);
        if (r) {
                free_pages(&f);
                cli_say("could not start the job: %s", strerror(-r));
                return CLI_FAILED; /* its row is settled by the daemon when this process is gone */
        }
        look_after(&f);
        int is_settled = has_finished(&f) || settle_child(&f);
        free_pages(&f);
        if (!cli->db || !db_is_alive(cli->db)) {
                cli->db = db_close(cli->db);
                int code = cli_connect(cli);
                if (code)
                        return code;
        }
        if (is_settled)
                run_now_leave(cli, identity);
        return report_end(cli, job);
}
