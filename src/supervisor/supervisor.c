/*
 * The wiring: one event loop, its timers and signals, the configuration. What happens is in
 * events.c, what is done about it in decide.c.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/lease.h"
#include "core/notice.h"
#include "supervisor/supervisor_private.h"
#include "util/error.h"
#include "util/log.h"
#include "util/memory.h"
#include "worker/spawn.h"
#include "worker/title.h"

#define STATEMENT_USEC (10 * USEC_PER_SEC) /* of a worker */
#define DEADLINE_USEC (15 * USEC_PER_SEC)  /* the same, for a server that does not answer */
#define LOCK_USEC USEC_PER_SEC             /* of the supervisor: heartbeats wait behind it */
/* Less: while a worker takes a lane nothing of its supervisor can be settled. */
#define WORKER_LOCK_USEC (700 * USEC_PER_MSEC)

static void on_before_wait(struct ev_loop *loop, ev_prepare *watcher, int events) {
        (void) loop;
        (void) events;
        supervisor_decide(watcher->data);
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events) {
        (void) loop; /* decide() runs before the loop waits again */
        (void) timer;
        (void) events;
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        supervisor_settle_all(s);
        membership_look(&s->membership);
        if (s->is_member)
                lookout_sweep(&s->lookout);
        supervisor_count_queue(s);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        s->membership.workers = (unsigned) s->config->workers;
        s->membership.busy = plan_count(s->plan, SLOT_BUSY);
        supervisor_show_tally(s);
        membership_renew(&s->membership);
        pool_kill_broken(s->pool);
        (void) memory_oom_kills(&s->oom_kills);
        supervisor_tell_status(s);
        stalls_look(&s->stalls, s->plan, s->pool, s->link, s->membership.identity.id,
                    s->config->stall_usec, clock_now_usec());
}

static void on_cancel_poll(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        int32_t ids[PLAN_SLOTS_MAX];
        (void) loop;
        (void) events;
        lookout_poll_cancels(&s->lookout, ids, pool_jobs(s->pool, ids, ARRAY_SIZE(ids)));
}

/* First: stop when what runs is done, or the time is over. Second: the time is over. Third: kill.
 */
static void on_stop_signal(struct ev_loop *loop, ev_signal *signal, int events) {
        Supervisor *s = signal->data;
        (void) loop;
        (void) events;
        switch (++s->stop_signals) {
        case 1:
                if (plan_count(s->plan, SLOT_BUSY))
                        log_notice("stopping: running jobs may take %.0f s more",
                                   (double) s->config->stop_usec / (double) USEC_PER_SEC);
                else
                        log_notice("stopping");
                supervisor_begin_stop(s, s->config->stop_usec);
                break;
        case 2:
                log_notice("stopping now");
                s->stop_usec = clock_now_usec();
                break;
        default:
                for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                        pool_kill(s->pool, slot, POOL_REASON_SHUTDOWN);
        }
}

static void restart_timer(Supervisor *s, ev_timer *timer, usec_t usec) {
        ev_timer_stop(s->loop, timer);
        ev_timer_set(timer, (double) usec / (double) USEC_PER_SEC,
                     (double) usec / (double) USEC_PER_SEC);
        ev_timer_start(s->loop, timer);
}

static PlanLimits limits_of(const Config *config) {
        return (PlanLimits){.workers = (unsigned) config->workers,
                            .max_jobs_per_worker = (unsigned) config->max_jobs_per_worker,
                            .idle_usec = config->idle_usec,
                            .start_usec = config->start_usec};
}

/* Gives the configuration to everything that can follow a change. */
static void configure(Supervisor *s) {
        PlanLimits limits = limits_of(s->config);
        TurnLimits share = {.max_jobs = (unsigned) s->config->max_jobs_per_turn,
                            .max_usec = s->config->max_turn_usec};

        plan_set_limits(s->plan, &limits);
        pool_set_share(s->pool, &share);
        s->lookout.sweep_usec = s->config->sweep_usec;
        s->membership.workers = limits.workers;
        restart_timer(s, &s->sweep, s->config->sweep_usec);
        restart_timer(s, &s->heartbeat, s->config->heartbeat_usec);
        restart_timer(s, &s->cancel_poll, s->config->cancel_poll_usec);
        log_set_level(s->config->log_level);
}

static void log_problems(const Problems *problems) {
        for (const char *p = problems->text; *p;) {
                size_t n = strcspn(p, "\n");
                log_error("%.*s", (int) n, p);
                p += n + (p[n] != '\0');
        }
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events) {
        Supervisor *s = signal->data;
        _cleanup_(config_freep) Config *next = NULL;
        Problems problems = {0};
        char kept[256];
        (void) loop;
        (void) events;

        if (!s->args->config_path)
                return;
        service_reloading();
        int r = config_read(s->args->config_path, &next, &problems);
        if (r) {
                log_problems(&problems);
                log_error("the configuration stays as it was");
        } else {
                config_apply(s->config, next, kept, sizeof(kept));
                configure(s);
                groups_check_limits(&s->groups, &s->config->limits);
                log_notice("reloaded the configuration%s%s",
                           *kept ? "; these wait for a restart: " : "", kept);
        }
        s->is_ready_told = 0;
        supervisor_tell_status(s);
}

static int share_budget(Supervisor *s, int64_t jobs) {
        _Atomic int64_t *budget = mmap(NULL, sizeof(*budget), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (budget == MAP_FAILED)
                return error_origin(-errno);
        atomic_store(budget, jobs);
        s->worker_settings.budget = budget;
        return 0;
}

static WorkerSettings worker_settings_of(const Config *config) {
        return (WorkerSettings){.db = {.conninfo = config->conninfo,
                                       .application_name = "registry-jobd worker",
                                       .statement_usec = STATEMENT_USEC,
                                       .deadline_usec = DEADLINE_USEC,
                                       .lock_usec = WORKER_LOCK_USEC},
                                .plugin_directory = config->plugin_directory,
                                .load = (const char *const *) config->load,
                                .n_load = config->n_load,
                                .exec = config->exec,
                                .n_exec = config->n_exec,
                                .limits = &config->limits,
                                .lease_usec = config->lease_usec};
}

static void init_watchers(Supervisor *s) {
        ev_timer_init(&s->sweep, on_sweep, 0, 0);
        ev_timer_init(&s->heartbeat, on_heartbeat, 0, 0);
        ev_timer_init(&s->cancel_poll, on_cancel_poll, 0, 0);
        ev_timer_init(&s->wake, on_wake, 0, 0);
        ev_prepare_init(&s->before_wait, on_before_wait);
        ev_signal_init(&s->on_term, on_stop_signal, SIGTERM);
        ev_signal_init(&s->on_int, on_stop_signal, SIGINT);
        ev_signal_init(&s->on_hup, on_reload, SIGHUP);
        s->sweep.data = s->heartbeat.data = s->cancel_poll.data = s->wake.data = s;
        s->before_wait.data = s->on_term.data = s->on_int.data = s->on_hup.data = s;
        /* Decided first, sent after: libev calls the prepare watcher that was started last first.
         */
        ev_prepare_start(s->loop, &s->before_wait);
        ev_signal_start(s->loop, &s->on_term);
        ev_signal_start(s->loop, &s->on_int);
        ev_signal_start(s->loop, &s->on_hup);
}

static int set_up(Supervisor *s) {
        PoolEvents pool = supervisor_pool_events;
        ReaperEvents reaper = supervisor_reaper_events;
        LinkEvents link = supervisor_link_events;
        LookoutEvents lookout = supervisor_lookout_events;
        PlanLimits limits = limits_of(s->config);

        pool.userdata = reaper.userdata = link.userdata = lookout.userdata = s;
        LeaseTimes times = lease_times(s->config->lease_usec);
        s->db = (DbSettings){.conninfo = s->config->conninfo,
                             .application_name = "registry-jobd supervisor",
                             .statement_usec = times.statement_usec,
                             .deadline_usec = times.deadline_usec,
                             .connect_usec = times.connect_usec,
                             .lock_usec = MIN_OF(LOCK_USEC, times.statement_usec),
                             .listen = s->config->is_listening ? NOTICE_CHANNEL : NULL,
                             .refuses_pooler = 1};
        s->worker_settings = worker_settings_of(s->config);
        s->worker_settings.log_fd = s->args->log_fd;
        int r = plan_new(&limits, &s->plan);
        if (!r)
                r = pool_new(s->loop, &s->worker_settings, &s->groups, &pool, &s->pool);
        if (!r)
                reaper_init(&s->reaper, s->loop, &reaper);
        if (!r)
                r = link_new(s->loop, &s->db, &link, &s->link);
        if (!r)
                r = identity_init(&s->membership.identity);
        if (!r && s->args->drain && s->args->drain->max_jobs)
                r = share_budget(s, s->args->drain->max_jobs);
        if (r)
                return r;
        s->worker_settings.host = s->membership.identity.host;
        s->membership.link = s->link;
        s->membership.events = supervisor_membership_events;
        s->membership.events.userdata = s;
        s->membership.kind = s->args->drain ? "command" : "daemon";
        s->membership.lease_usec = s->config->lease_usec;
        srandom((unsigned) identity_token()); /* or all hosts would come back together */
        (void) memory_oom_kills(&s->oom_kills);
        lookout_init(&s->lookout, s->loop, s->link, &s->tally, &lookout);
        init_watchers(s);
        configure(s);
        return 0;
}

/* Before there are threads and children. What somebody runs in a terminal stays where it is. */
static void take_groups(Supervisor *s) {
        if (!s->args->drain) {
                title_supervisor();
                groups_take(&s->groups);
        }
        groups_check_limits(&s->groups, &s->config->limits);
}

static void tear_down(Supervisor *s) {
        if (s->link) {
                lookout_done(&s->lookout);
                ev_prepare_stop(s->loop, &s->before_wait);
        }
        reaper_done(&s->reaper);
        s->link = link_free(s->link);
        s->pool = pool_free(s->pool);
        groups_leave(&s->groups);
        s->plan = plan_free(s->plan);
        service_done(&s->service, s->loop);
        free(s->membership.counters);
}

int supervisor_run(const SupervisorArgs *args, uint64_t *ret_jobs, int *ret_must_exit) {
        Supervisor *s = calloc(1, sizeof(*s));
        if (!s)
                return EXIT_FAILURE;
        s->args = args;
        s->config = args->config;
        s->totals.jobs = -1;
        groups_init(&s->groups);
        s->loop = ev_loop_new(EVFLAG_AUTO); /* the default one would reap children: reaper.h */
        (void) signal(SIGPIPE, SIG_IGN);

        int r = s->loop ? set_up(s) : -ENOMEM;
        if (r) {
                log_error_errno(r, "could not set up the supervisor");
                s->exit_code = EXIT_FAILURE;
        } else {
                take_groups(s);
                service_start(&s->service, s->loop);
                link_start(s->link);
                (void) ev_run(s->loop, 0);
        }
        *ret_must_exit = s->link && link_is_attempting(s->link);
        if (ret_jobs)
                *ret_jobs = s->jobs;
        tear_down(s);
        if (s->loop && !*ret_must_exit) /* or a thread would still send to it */
                ev_loop_destroy(s->loop);
        int code = s->exit_code;
        free(s);
        return code;
}

int supervisor_try_plugins(const Config *config) {
        WorkerSettings settings = worker_settings_of(config);
        WorkerArgs args = {.settings = &settings, .channel = -1};
        pid_t pid;
        int status;

        service_starting(usec_add(config->start_usec, config->start_usec));
        int r = spawn_child(worker_try_plugins, &args, NULL, 0, &pid);
        if (r) {
                log_error_errno(r, "could not fork to try the plugins");
                return EXIT_FAILURE;
        }
        r = spawn_wait(pid, config->start_usec, &status);
        if (r == SPAWN_E_TIMEOUT)
                log_error("opening the plugins did not end within %.0f s",
                          (double) config->start_usec / (double) USEC_PER_SEC);
        if (r)
                return r == SPAWN_E_TIMEOUT ? WORKER_EXIT_CONFIG : EXIT_FAILURE;
        Outcome outcome = spawn_outcome(status);
        if (outcome.kind == OUTCOME_EXITED)
                return outcome.value;
        char how[128];
        outcome_describe(outcome, NULL, how, sizeof(how));
        log_error("opening the plugins %s", how);
        return WORKER_EXIT_CONFIG;
}
