/*
 * The wiring: one event loop, its timers and signals, the configuration. What happens is in
 * events.c, what is done about it in decide.c. Two prepare watchers run before the loop waits: ours
 * decides, and then that of the link sends what was submitted; priorities see to that order.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "config/config_program.h"
#include "core/lease.h"
#include "core/notice.h"
#include "process/dumpable.h"
#include "process/title.h"
#include "supervisor/supervisor_private.h"
#include "util/error.h"
#include "util/log.h"
#include "util/memory.h"
#include "worker/told.h"

#define STATEMENT_USEC (10 * USEC_PER_SEC) /* of a worker */
#define DEADLINE_USEC (15 * USEC_PER_SEC)  /* the same, for a server that does not answer */
#define LOCK_USEC USEC_PER_SEC             /* for one lock */

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
        membership_find_dead(s);
        if (s->is_member)
                lookout_sweep(s);
        supervisor_count_queue(s);
}

/*
 * What signals tell is looked for at each heartbeat. libev hears them through a descriptor; when
 * the kernel has no memory to watch that, libev says nothing, and SIGTERM, SIGHUP and the ends of
 * children would not be heard any more. An echo is sent from within the loop, and with it libev
 * handles signals that are pending, without that descriptor: so these are late at most.
 */
static void on_echo(struct ev_loop *loop, ev_async *echo, int events) {
        (void) loop;
        (void) events;
        supervisor_reap(echo->data);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        s->membership.workers = (unsigned) s->config->workers;
        s->membership.busy = plan_count(s->plan, SLOT_BUSY);
        supervisor_show_tally(s);
        membership_renew(s);
        (void) memory_oom_kills(&s->oom_kills);
        (void) log_tell_dropped();
        ev_async_send(s->loop, &s->echo);
        supervisor_tell_status(s);
        stalls_look(&s->stalls, s->plan, s->pool, s->link, s->membership.identity.id,
                    s->config->stall_usec, clock_now_usec());
}

static void on_cancel_poll(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        lookout_poll_cancels(s);
}

/* 1st signal: drain up to stop_timeout; 2nd: no more patience; 3rd: SIGKILL. */
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

/* What a worker loads; the words are the configuration's. Its programs: provision.h. */
static void use_plugins(WorkerSettings *settings, const Config *config) {
        settings->plugin_directory = config->plugin_directory;
        settings->load = (const char *const *) config->load;
        settings->n_load = config->n_load;
}

void supervisor_configure(Supervisor *s) {
        PlanLimits limits = limits_of(s->config);
        Share share = {.max_jobs = (unsigned) s->config->max_jobs_per_turn,
                       .max_usec = s->config->max_turn_usec};

        plan_set_limits(s->plan, &limits);
        pool_set_share(s->pool, &share);
        use_plugins(&s->worker_settings, s->config);
        s->worker_settings.start_usec = s->config->start_usec;
        s->lookout.sweep_usec = s->config->sweep_usec;
        s->membership.workers = limits.workers;
        restart_timer(s, &s->sweep, s->config->sweep_usec);
        restart_timer(s, &s->heartbeat, s->config->heartbeat_usec);
        restart_timer(s, &s->cancel_poll, s->config->cancel_poll_usec);
        log_set_level(s->config->log_level);
        dumpable_set(s->config->has_core_dumps); /* and what is forked from now on */
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events) {
        (void) loop;
        (void) events;
        supervisor_begin_reload(signal->data);
}

static void on_child(struct ev_loop *loop, ev_signal *signal, int events) {
        (void) loop;
        (void) events;
        supervisor_reap(signal->data);
}

static void on_worker(struct ev_loop *loop, ev_io *io, int events) {
        (void) loop;
        (void) events;
        supervisor_hear_worker(io->data, pool_slot_of(io));
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

WorkerSettings supervisor_worker_settings(const Config *config) {
        WorkerSettings settings = {.db = {.conninfo = config->conninfo,
                                          .timezone = config->timezone,
                                          .application_name = "registry-jobd worker",
                                          .statement_usec = STATEMENT_USEC,
                                          .deadline_usec = DEADLINE_USEC,
                                          .lock_usec = LOCK_USEC},
                                   .limits = &config->limits,
                                   .exec = config->exec,
                                   .n_exec = config->n_exec,
                                   .lease_usec = config->lease_usec,
                                   .start_usec = config->start_usec};

        use_plugins(&settings, config);
        return settings;
}

static int provide_models(Supervisor *s) {
        Supply supply;

        int r = provision_prepare(&s->provision, s->config, s->args->models, &supply);
        if (!r)
                provision_configure(s, &supply);
        return r;
}

static void init_watchers(Supervisor *s) {
        ev_timer_init(&s->sweep, on_sweep, 0, 0);
        ev_timer_init(&s->heartbeat, on_heartbeat, 0, 0);
        ev_timer_init(&s->cancel_poll, on_cancel_poll, 0, 0);
        ev_timer_init(&s->wake, on_wake, 0, 0);
        ev_async_init(&s->echo, on_echo);
        ev_prepare_init(&s->before_wait, on_before_wait);
        ev_signal_init(&s->on_term, on_stop_signal, SIGTERM);
        ev_signal_init(&s->on_int, on_stop_signal, SIGINT);
        ev_signal_init(&s->on_hup, on_reload, SIGHUP);
        ev_signal_init(&s->on_child, on_child, SIGCHLD);
        s->echo.data = s->sweep.data = s->heartbeat.data = s->cancel_poll.data = s->wake.data = s;
        s->before_wait.data = s->on_term.data = s->on_int.data = s->on_hup.data = s;
        s->on_child.data = s;
        ev_set_priority(&s->before_wait, LINK_PRIORITY + 1); /* decided first, sent after */
        ev_async_start(s->loop, &s->echo);
        ev_prepare_start(s->loop, &s->before_wait);
        ev_signal_start(s->loop, &s->on_term);
        ev_signal_start(s->loop, &s->on_int);
        ev_signal_start(s->loop, &s->on_hup);
        ev_signal_start(s->loop, &s->on_child);
}

static int set_up(Supervisor *s) {
        PlanLimits limits = limits_of(s->config);
        LeaseTimes times = lease_times(s->config->lease_usec);
        s->db = (DbSettings){.conninfo = s->config->conninfo,
                             .timezone = s->config->timezone,
                             .application_name = "registry-jobd supervisor",
                             .statement_usec = times.statement_usec,
                             .deadline_usec = times.deadline_usec,
                             .connect_usec = times.connect_usec,
                             .lock_usec = MIN_OF(LOCK_USEC, times.statement_usec),
                             .listen = s->config->is_listening ? NOTICE_CHANNEL : NULL,
                             .refuses_pooler = 1};
        s->worker_settings = supervisor_worker_settings(s->config);
        s->worker_settings.log_fd = s->args->log_fd;
        int r = plan_new(&limits, &s->plan);
        if (!r)
                r = pool_new(s->loop, &s->worker_settings, &s->cgroups, on_worker, s, &s->pool);
        if (!r)
                reaper_init(&s->reaper);
        if (!r)
                r = link_new(s->loop, &s->db, &s->link);
        if (!r)
                r = identity_init(&s->membership.identity);
        if (!r && s->args->drain && s->args->drain->max_jobs)
                r = share_budget(s, s->args->drain->max_jobs);
        if (r)
                return r;
        s->worker_settings.host = s->membership.identity.host;
        s->membership.kind = s->args->drain ? "command" : "daemon";
        s->membership.lease_usec = s->config->lease_usec;
        srandom((unsigned) identity_token()); /* or all hosts would come back together */
        (void) memory_oom_kills(&s->oom_kills);
        lookout_init(s);
        catch_up_init(s);
        init_watchers(s);
        supervisor_configure(s);
        return provide_models(s);
}

/* Before there are threads and children. What somebody runs in a terminal stays where it is. */
static void take_cgroups(Supervisor *s) {
        if (!s->args->drain) {
                title_supervisor();
                cgroups_take(&s->cgroups);
        }
        cgroups_check_limits(&s->cgroups, &s->config->limits);
}

static void tear_down(Supervisor *s) {
        if (s->link) {
                lookout_done(s);
                catch_up_done(s);
                ev_prepare_stop(s->loop, &s->before_wait);
        }
        if (s->settler.pid)
                settler_clear(&s->settler);
        hooks_abandon(s);
        s->reload.next = config_free(s->reload.next);
        provision_done(s);
        s->link = link_free(s->link);
        s->pool = pool_free(s->pool);
        cgroups_leave(&s->cgroups);
        s->plan = plan_free(s->plan);
        service_done(&s->service, s->loop);
        free(s->membership.counters);
        free(s->membership.models);
        free(s->membership.problem);
}

int supervisor_run(const SupervisorArgs *args, uint64_t *ret_jobs, int *ret_must_exit) {
        Supervisor *s = calloc(1, sizeof(*s));
        if (!s)
                return EXIT_FAILURE;
        s->args = args;
        s->config = args->config;
        s->totals.jobs = -1;
        cgroups_init(&s->cgroups);
        s->loop = ev_loop_new(EVFLAG_AUTO); /* the default one would reap children: reaper.h */

        int r = s->loop ? set_up(s) : -ENOMEM;
        if (r) {
                log_error_errno(r, "could not set up the supervisor");
                s->exit_code = EXIT_FAILURE;
        } else {
                take_cgroups(s);
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
        if (!*ret_must_exit) /* or a thread would still read its settings */
                free(s);
        return code;
}

void supervisor_log_untried(const char *why) {
        LogFields fields = {.hint = "[plugins] directory and load in the configuration say what is "
                                    "loaded from where"};

        log_write(LOG_ERR, &fields, "%s", why);
}

static int try_plugins(const Config *config, const LimitTable *limits, json_t **ret,
                       char why[SUPERVISOR_WHY_SIZE]) {
        WorkerSettings settings = supervisor_worker_settings(config);

        settings.limits = limits;
        return trial_run(worker_try_plugins, &settings, config->start_usec, "opening the plugins",
                         ret, why);
}

int supervisor_list_models(const Config *config, json_t **ret, char why[SUPERVISOR_WHY_SIZE]) {
        static const LimitTable unchecked = {0};

        return try_plugins(config, &unchecked, ret, why);
}

int supervisor_try_plugins(const Config *config, json_t **ret_models) {
        char why[SUPERVISOR_WHY_SIZE];

        service_starting(usec_add(config->start_usec, config->start_usec));
        int r = try_plugins(config, &config->limits, ret_models, why);
        if (r)
                supervisor_log_untried(why);
        return r;
}

int supervisor_ask_registry(const Config *config, json_t **ret_told) {
        WorkerSettings settings = supervisor_worker_settings(config);
        _cleanup_(exec_model_freep) ExecModel *program = NULL;
        char why[TRIAL_WHY_SIZE];

        int r = config_registry_model(config, NULL, 0, &program);
        if (r) {
                log_error_errno(r, "could not start the Registry");
                return EXIT_FAILURE;
        }
        settings.exec = &program;
        settings.n_exec = 1;
        r = trial_run(worker_list_told, &settings, provision_patience(config),
                      "starting the Registry", ret_told, why);
        if (r)
                log_error("the Registry at %s does not start: %s", config->registry_app, why);
        return r;
}
