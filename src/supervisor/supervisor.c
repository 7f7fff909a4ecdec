/*
 * Events come in from the link, the pool, timers and signals; each is told to the plan. Before the
 * loop waits, decide() carries out what the plan wants, and arms one timer for what comes by
 * itself.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/notice.h"
#include "supervisor/lookout.h"
#include "supervisor/membership.h"
#include "supervisor/pool.h"
#include "supervisor/service.h"
#include "supervisor/settle.h"
#include "util/error.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "worker/spawn.h"

#define STATEMENT_USEC (30 * USEC_PER_SEC)
#define WORKER_START_USEC (30 * USEC_PER_SEC) /* connect_timeout and the plugins, with room */
#define END_GRACE_USEC (5 * USEC_PER_SEC)     /* shutdown: word to SIGTERM, SIGTERM to SIGKILL */
#define CANCEL_KILL_USEC (5 * USEC_PER_SEC)   /* cancel: SIGTERM to SIGKILL */
#define PEERS_MAX 32                          /* dead supervisors settled at once */

typedef struct Supervisor {
        struct ev_loop *loop;
        const SupervisorArgs *args;
        Config *config;
        DbSettings db;
        WorkerSettings worker_settings;
        Plan *plan;
        Pool *pool;
        Link *link;
        Membership membership;
        Lookout lookout;
        ServiceWatchdog watchdog;
        ev_timer sweep, heartbeat, cancel_poll, wake;
        ev_prepare before_wait;
        ev_signal on_term, on_int, on_hup;

        Deceased dead[PLAN_SLOTS_MAX]; /* for slots in SLOT_DEAD */
        unsigned char is_settling[PLAN_SLOTS_MAX];
        int32_t dying_peers[PEERS_MAX]; /* 0: a free place */

        int is_ready_told;
        unsigned stop_signals;
        usec_t stop_usec; /* when what runs is asked to stop; 0: not stopping */
        int is_leaving;
        int has_looked; /* since the queue was repaired: for a drain */
        int exit_code;
        uint64_t jobs;
} Supervisor;

static void on_settled(void *userdata, int64_t slot, int has_failed);
static void on_peer_settled(void *userdata, int64_t place, int has_failed);
static void on_stray_settled(void *userdata, int64_t number, int has_failed);

static int is_ours(const Supervisor *s, int32_t co_id) {
        return !s->args->drain || !s->args->drain->co_id || s->args->drain->co_id == co_id;
}

static void co_ready(Supervisor *s, int32_t co_id) {
        int r = is_ours(s, co_id) ? plan_co_ready(s->plan, co_id) : 0;
        if (r)
                log_error_errno(r, "could not note that CO %d waits, leaving it to the sweep",
                                co_id);
}

/* ---- stopping ---- */

static void begin_stop(Supervisor *s, usec_t patience_usec) {
        if (s->stop_usec)
                return;
        s->stop_usec = usec_add(clock_now_usec(), patience_usec);
        plan_stop(s->plan);
        service_stopping();
}

static void on_left(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) reply;
        (void) number;
        ev_break(s->loop, EVBREAK_ALL);
}

/* The time after which nobody is waited for any more. */
static usec_t stop_deadline(const Supervisor *s) {
        return usec_add(s->stop_usec, 4 * END_GRACE_USEC);
}

/* Dead workers of whom nothing is on its way. */
static unsigned count_unsettled(const Supervisor *s) {
        unsigned n = 0;
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                n += plan_slot_state(s->plan, slot) == SLOT_DEAD && !s->is_settling[slot];
        return n;
}

static void stop_tick(Supervisor *s, usec_t now) {
        if (!s->stop_usec || s->is_leaving)
                return;
        if (now >= s->stop_usec)
                pool_cancel_all(s->pool, POOL_REASON_SHUTDOWN, now);
        /* What cannot be settled now is settled by the next start. */
        if (plan_in_use(s->plan) == count_unsettled(s) || now >= stop_deadline(s)) {
                s->is_leaving = 1;
                membership_leave(&s->membership, on_left, s);
        }
}

/* ---- deciding ---- */

static void carry_out(Supervisor *s, const PlanAction *action, usec_t now) {
        int r;

        switch (action->type) {
        case PLAN_SPAWN:
                s->worker_settings.supervisor_id = s->membership.identity.id;
                r = pool_spawn(s->pool, action->slot);
                if (r) {
                        log_error_errno(r, "could not fork a worker, trying again");
                        plan_spawn_failed(s->plan, now, (uint32_t) random());
                } else {
                        plan_spawned(s->plan, action->slot, now);
                }
                break;
        case PLAN_ASSIGN:
                pool_assign(s->pool, action->slot, action->co_id);
                break;
        case PLAN_RETIRE:
                pool_retire(s->pool, action->slot);
                break;
        case PLAN_KILL:
                log_warning("worker %d did not %s in time, killing it",
                            (int) pool_pid(s->pool, action->slot),
                            plan_slot_state(s->plan, action->slot) == SLOT_STARTING ? "start"
                                                                                    : "end");
                pool_kill(s->pool, action->slot, POOL_REASON_START);
                break;
        case PLAN_NONE:
                break;
        }
}

/* The lease ends before others may take our lanes: what runs is stopped in time. */
static usec_t lease_tick(Supervisor *s, usec_t now) {
        const Membership *m = &s->membership;
        usec_t stop_at = usec_sub(m->lease_end_usec, m->lease_usec / 3);

        if (!m->lease_end_usec || plan_count(s->plan, SLOT_BUSY) == 0)
                return USEC_INFINITY;
        if (now < stop_at)
                return stop_at;
        pool_cancel_all(s->pool, POOL_REASON_LEASE, now);
        return USEC_INFINITY;
}

static void drain_tick(Supervisor *s) {
        if (s->args->drain && s->has_looked && !s->lookout.is_asking && !plan_waiting(s->plan) &&
            plan_in_use(s->plan) == plan_count(s->plan, SLOT_IDLE))
                begin_stop(s, 0);
}

static void arm_wake(Supervisor *s, usec_t wake, usec_t now) {
        ev_timer_stop(s->loop, &s->wake);
        if (wake == USEC_INFINITY)
                return;
        ev_timer_set(&s->wake, (double) usec_sub(wake, now) / (double) USEC_PER_SEC + 0.001, 0);
        ev_timer_start(s->loop, &s->wake);
}

static void decide(Supervisor *s) {
        usec_t now = clock_now_usec();
        PlanAction action;

        drain_tick(s);
        while ((action = plan_next(s->plan, now)).type != PLAN_NONE)
                carry_out(s, &action, now);
        pool_set_wishes(s->pool, (s->stop_usec ? STATUS_WISH_STOP : 0) |
                                         (plan_has_waiting(s->plan) ? STATUS_WISH_OTHERS : 0));
        stop_tick(s, now);
        usec_t wake = lease_tick(s, now);

        CancelPolicy of_cancel = {.grace_usec = s->config->cancel_grace_usec,
                                  .kill_usec = CANCEL_KILL_USEC};
        usec_t step = MIN_OF(END_GRACE_USEC, s->config->lease_usec / 9);
        CancelPolicy of_end = {.grace_usec = step, .kill_usec = step};
        wake = MIN_OF(wake, pool_escalate(s->pool, &of_cancel, &of_end, now));
        wake = MIN_OF(wake, plan_wake(s->plan, now));
        if (s->stop_usec && !s->is_leaving)
                wake = MIN_OF(wake, now < s->stop_usec ? s->stop_usec : stop_deadline(s));
        arm_wake(s, wake, now);
}

static void on_before_wait(struct ev_loop *loop, ev_prepare *watcher, int events) {
        (void) loop;
        (void) events;
        decide(watcher->data);
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events) {
        (void) loop; /* decide() runs before the loop waits again */
        (void) timer;
        (void) events;
}

/* ---- workers ---- */

static void on_ready(unsigned slot, void *userdata) {
        Supervisor *s = userdata;
        plan_started(s->plan, slot, clock_now_usec());
}

static void on_turn_over(unsigned slot, const ChannelMessage *message, void *userdata) {
        static const PlanTurn turns[_TURN_END_MAX] = {
                [TURN_EMPTY] = PLAN_TURN_EMPTY,
                [TURN_SHARE] = PLAN_TURN_MORE,
                [TURN_BUSY] = PLAN_TURN_HELD,
                [TURN_STOPPED] = PLAN_TURN_EMPTY,
        };
        Supervisor *s = userdata;
        s->jobs += message->jobs;
        plan_turn_over(s->plan, slot, turns[message->end], message->jobs, clock_now_usec());
}

static void settle_slot(Supervisor *s, unsigned slot) {
        if (s->is_settling[slot] || !link_is_up(s->link))
                return;
        s->is_settling[slot] = 1;
        settle(s->link, &s->membership.identity, &s->dead[slot], on_settled, s, slot);
}

static void on_settled(void *userdata, int64_t slot, int has_failed) {
        Supervisor *s = userdata;
        s->is_settling[slot] = 0;
        if (has_failed)
                return; /* the sweep, or the next connection, tries again */
        pool_release(s->pool, (unsigned) slot);
        plan_settled(s->plan, (unsigned) slot);
}

static const char *reason_words(PoolReason reason) {
        static const char *const words[] = {
                [POOL_REASON_CANCEL] = "the cancel",
                [POOL_REASON_SHUTDOWN] = "shutdown",
                [POOL_REASON_LEASE] = "the end of its supervisor's lease",
                [POOL_REASON_START] = "its start-up deadline",
        };
        return words[reason];
}

static void log_gone(const Supervisor *s, unsigned slot, Outcome outcome, PoolReason reason) {
        char how[128];
        outcome_describe(outcome, reason_words(reason), how, sizeof(how));
        LogFields fields = {.message_id = LOG_ID_WORKER_DIED,
                            .co_id = plan_slot_co(s->plan, slot),
                            .job_id = status_page_job(pool_page(s->pool, slot))};
        log_write(LOG_WARNING, &fields, "worker %d %s", (int) pool_pid(s->pool, slot), how);
}

static void on_gone(unsigned slot, Outcome outcome, PoolReason reason, void *userdata) {
        Supervisor *s = userdata;
        int was_starting = plan_slot_state(s->plan, slot) == SLOT_STARTING;
        int has_lane = plan_slot_co(s->plan, slot) != 0;
        int is_unavailable =
                outcome.kind == OUTCOME_EXITED && outcome.value == WORKER_EXIT_UNAVAILABLE;

        int is_clean = !has_lane && outcome.kind == OUTCOME_EXITED && !outcome.value;

        if (!is_clean)
                log_gone(s, slot, outcome, reason);
        plan_gone(s->plan, slot, was_starting || is_unavailable, clock_now_usec(),
                  (uint32_t) random());
        if (is_clean) {
                on_settled(s, slot, 0);
                return;
        }
        s->dead[slot] = (Deceased){.supervisor_id = s->membership.identity.id,
                                   .pid = (int32_t) pool_pid(s->pool, slot),
                                   .page = pool_page(s->pool, slot),
                                   .outcome = outcome,
                                   .why = reason_words(reason)};
        settle_slot(s, slot);
}

static void settle_all(Supervisor *s) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (plan_slot_state(s->plan, slot) == SLOT_DEAD)
                        settle_slot(s, slot);
}

/* ---- other supervisors ---- */

static void on_dead_peer(const Peer *peer, void *userdata) {
        Supervisor *s = userdata;
        int place = -1;

        for (int i = 0; i < PEERS_MAX; i++) {
                if (s->dying_peers[i] == peer->id)
                        return;
                if (!s->dying_peers[i] && place < 0)
                        place = i;
        }
        if (place < 0)
                return; /* the next sweep */
        s->dying_peers[place] = peer->id;
        log_notice("supervisor %d (pid %d on %s) is dead, settling what it left", peer->id,
                   peer->pid, peer->host);
        Deceased deceased = {
                .supervisor_id = peer->id, .outcome = {.kind = OUTCOME_UNKNOWN}, .peer = *peer};
        settle(s->link, &s->membership.identity, &deceased, on_peer_settled, s, place);
}

/*
 * A lane taken by a batch that the server came to only after its worker's death was settled: nobody
 * would give it back.
 */
static void on_own_worker(int32_t pid, void *userdata) {
        Supervisor *s = userdata;
        Deceased deceased = {.supervisor_id = s->membership.identity.id,
                             .pid = pid,
                             .outcome = {.kind = OUTCOME_UNKNOWN}};
        if (!pool_has(s->pool, pid))
                settle(s->link, &s->membership.identity, &deceased, on_stray_settled, s, 0);
}

static void on_stray_settled(void *userdata, int64_t number, int has_failed) {
        Supervisor *s = userdata;
        (void) number;
        if (!has_failed)
                lookout_look(&s->lookout);
}

static void on_peer_settled(void *userdata, int64_t place, int has_failed) {
        Supervisor *s = userdata;
        s->dying_peers[place] = 0;
        if (!has_failed)
                lookout_look(&s->lookout);
}

/* ---- the database ---- */

static void on_up(void *userdata) {
        Supervisor *s = userdata;
        membership_up(&s->membership);
}

static void on_resynced(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;
        if (reply->error.class && reply->error.class != DB_E_UNAVAILABLE)
                log_error("could not repair the queue: %s", reply->error.message);
        else if (db_rows(reply, 0) && db_int(reply->results[0], 0, 0))
                log_notice("repaired %lld rows of the queue",
                           (long long) db_int(reply->results[0], 0, 0));
        s->has_looked = 0;
        lookout_look(&s->lookout);
}

static void tell_status(Supervisor *s) {
        char status[160];
        (void) snprintf(status, sizeof(status),
                        "%u of %u workers busy, %zu COs waiting, database %s",
                        plan_count(s->plan, SLOT_BUSY), (unsigned) s->config->workers,
                        plan_waiting(s->plan), link_is_up(s->link) ? "up" : "away");
        if (s->is_ready_told)
                service_status(status);
        else
                service_ready(status);
        s->is_ready_told = 1;
}

static void on_registered(void *userdata) {
        Supervisor *s = userdata;
        Batch batch = {0};

        plan_set_online(s->plan, 1);
        settle_all(s);
        membership_look(&s->membership);
        lookout_look(&s->lookout);
        batch_add(&batch, SQL_QUEUE_RESYNC);
        (void) link_submit(s->link, &batch, on_resynced, s, 0);
        if (!s->is_ready_told)
                log_info("ready: %d workers at most, %zu external programs",
                         (int) s->config->workers, s->config->n_exec);
        tell_status(s);
}

static void on_down(void *userdata) {
        Supervisor *s = userdata;
        plan_set_online(s->plan, 0);
        lookout_down(&s->lookout);
        tell_status(s);
        if (s->args->drain) {
                s->exit_code = 1;
                begin_stop(s, 0);
        }
}

static void on_renewed(void *userdata) {
        Supervisor *s = userdata;
        pool_set_lease_end(s->pool, s->membership.lease_end_usec);
}

/* Others have settled our jobs: whatever still runs must not. */
static void on_membership_lost(void *userdata) {
        Supervisor *s = userdata;
        plan_set_online(s->plan, 0);
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                pool_kill(s->pool, slot, POOL_REASON_LEASE);
        membership_up(&s->membership);
}

static void cancel_job(int32_t job_id, void *userdata) {
        Supervisor *s = userdata;
        (void) pool_cancel(s->pool, job_id, clock_now_usec());
}

static void on_notify(const char *payload, void *userdata) {
        Supervisor *s = userdata;
        Notice notice = notice_parse(payload);

        switch (notice.type) {
        case NOTICE_QUEUED:
                co_ready(s, notice.id);
                break;
        case NOTICE_DELAYED:
                lookout_look(&s->lookout);
                break;
        case NOTICE_CANCEL:
                cancel_job(notice.id, s);
                break;
        case NOTICE_UNKNOWN:
                log_debug("unknown notification '%.80s', ignoring", payload);
        }
}

static void on_waiting(int32_t co_id, void *userdata) {
        co_ready(userdata, co_id);
}

static void on_looked(void *userdata) {
        Supervisor *s = userdata;
        s->has_looked = 1;
}

/* ---- timers and signals ---- */

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        settle_all(s);
        membership_look(&s->membership);
        lookout_look(&s->lookout);
        tell_status(s);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events) {
        Supervisor *s = timer->data;
        (void) loop;
        (void) events;
        s->membership.workers = (unsigned) s->config->workers;
        s->membership.busy = plan_count(s->plan, SLOT_BUSY);
        membership_renew(&s->membership);
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
                log_notice("stopping: running jobs may take %.0f s more",
                           (double) s->config->stop_usec / (double) USEC_PER_SEC);
                begin_stop(s, s->config->stop_usec);
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
                            .start_usec = WORKER_START_USEC};
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
                log_notice("reloaded the configuration%s%s",
                           *kept ? "; these wait for a restart: " : "", kept);
        }
        s->is_ready_told = 0;
        tell_status(s);
}

/* ---- setting up ---- */

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
                                       .statement_usec = STATEMENT_USEC},
                                .plugin_directory = config->plugin_directory,
                                .load = (const char *const *) config->load,
                                .n_load = config->n_load,
                                .exec = config->exec,
                                .n_exec = config->n_exec};
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
        const PoolEvents pool = {.on_ready = on_ready,
                                 .on_turn_over = on_turn_over,
                                 .on_gone = on_gone,
                                 .userdata = s};
        const LinkEvents link = {
                .on_up = on_up, .on_down = on_down, .on_notify = on_notify, .userdata = s};
        const MembershipEvents membership = {.on_registered = on_registered,
                                             .on_renewed = on_renewed,
                                             .on_lost = on_membership_lost,
                                             .on_dead_peer = on_dead_peer,
                                             .on_own_worker = on_own_worker,
                                             .userdata = s};
        const LookoutEvents lookout = {.on_waiting = on_waiting,
                                       .on_looked = on_looked,
                                       .on_canceled = cancel_job,
                                       .userdata = s};
        PlanLimits limits = limits_of(s->config);

        s->db = (DbSettings){.conninfo = s->config->conninfo,
                             .application_name = "registry-jobd supervisor",
                             .statement_usec = STATEMENT_USEC,
                             .listen = NOTICE_CHANNEL};
        s->worker_settings = worker_settings_of(s->config);
        int r = plan_new(&limits, &s->plan);
        if (!r)
                r = pool_new(s->loop, &s->worker_settings, &pool, &s->pool);
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
        s->membership.events = membership;
        s->membership.kind = s->args->drain ? "command" : "daemon";
        s->membership.lease_usec = s->config->lease_usec;
        lookout_init(&s->lookout, s->loop, s->link, &lookout);
        init_watchers(s);
        configure(s);
        return 0;
}

static void tear_down(Supervisor *s) {
        if (s->link) {
                lookout_done(&s->lookout);
                ev_prepare_stop(s->loop, &s->before_wait);
        }
        s->link = link_free(s->link);
        s->pool = pool_free(s->pool);
        s->plan = plan_free(s->plan);
        service_watchdog_stop(&s->watchdog, s->loop);
}

int supervisor_run(const SupervisorArgs *args, uint64_t *ret_jobs, int *ret_must_exit) {
        Supervisor *s = calloc(1, sizeof(*s));
        if (!s)
                return EXIT_FAILURE;
        s->args = args;
        s->config = args->config;
        s->loop = ev_default_loop(EVFLAG_AUTO);
        (void) signal(SIGPIPE, SIG_IGN);

        int r = s->loop ? set_up(s) : -ENOMEM;
        if (r) {
                log_error_errno(r, "could not set up the supervisor");
                s->exit_code = EXIT_FAILURE;
        } else {
                service_watchdog_start(&s->watchdog, s->loop);
                link_start(s->link);
                (void) ev_run(s->loop, 0);
        }
        *ret_must_exit = s->link && link_is_attempting(s->link);
        if (ret_jobs)
                *ret_jobs = s->jobs;
        tear_down(s);
        int code = s->exit_code;
        free(s);
        return code;
}

int supervisor_try_plugins(const Config *config) {
        WorkerSettings settings = worker_settings_of(config);
        WorkerArgs args = {.settings = &settings, .channel = -1};
        pid_t pid;
        int status;

        int r = spawn_child(worker_try_plugins, &args, NULL, 0, &pid);
        if (r) {
                log_error_errno(r, "could not fork to try the plugins");
                return EXIT_FAILURE;
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_FAILURE;
        Outcome outcome = spawn_outcome(status);
        if (outcome.kind == OUTCOME_EXITED)
                return outcome.value;
        char how[128];
        outcome_describe(outcome, NULL, how, sizeof(how));
        log_error("opening the plugins %s", how);
        return WORKER_EXIT_CONFIG;
}
