/* What the pool, the link, the other supervisors and the queue tell: passed on to the plan. */
#include <signal.h>
#include <stdlib.h>

#include "core/notice.h"
#include "supervisor/supervisor_private.h"
#include "util/crash.h"
#include "util/log.h"
#include "util/log_ids.h"
#include "util/memory.h"

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
        /* What it says of the end may have been wished for by a plugin that wrote over the page. */
        int is_sound = status_page_is_sound(pool_page(s->pool, slot));
        plan_turn_over(s->plan, slot, is_sound ? turns[message->end] : PLAN_TURN_MORE,
                       message->jobs, clock_now_usec());
        if (message->is_last || !is_sound)
                plan_replace(s->plan, slot);
}

static const char *reason_words(PoolReason reason) {
        static const char *const words[] = {
                [POOL_REASON_CANCEL] = "the cancel",
                [POOL_REASON_SHUTDOWN] = "shutdown",
                [POOL_REASON_LEASE] = "the end of its supervisor's lease",
                [POOL_REASON_START] = "its start-up deadline",
                [POOL_REASON_RETIRE] = "its deadline, told to end when it was idle",
                [POOL_REASON_LANE] = "its supervisor, because it does not hold its lane any more",
                [POOL_REASON_PAGE] = "its supervisor, because its status page was written over",
        };
        return words[reason];
}

/* Its own watch knows best; nothing else in the page is believed, and neither is that. */
static const char *why_ended(const PoolEnd *end) {
        const char *words = end->reason == POOL_REASON_PAGE ? NULL : ended_by_words(end->ended_by);
        return words ? words : reason_words(end->reason);
}

/*
 * A SIGKILL that nobody here sent, while the kernel's count of its own went up: that of the
 * worker's control group where it has one, or that of the machine.
 */
static int is_oom_kill(Supervisor *s, const PoolEnd *end) {
        uint64_t before = s->oom_kills;

        if (end->outcome.kind != OUTCOME_SIGNALED || end->outcome.value != SIGKILL ||
            why_ended(end))
                return 0;
        if (end->killed != GROUP_KILL_UNKNOWN)
                return end->killed == GROUP_KILL_MACHINE;
        return !memory_oom_kills(&s->oom_kills) && s->oom_kills > before;
}

/* Its own codes: a plugin that calls exit() may hit them too, at the price of a pause. */
static int has_given_up(Outcome outcome) {
        return outcome.kind == OUTCOME_EXITED &&
               (outcome.value == WORKER_EXIT_UNAVAILABLE || outcome.value == WORKER_EXIT_FAILED);
}

/* A worker that gave up, or whose connection was lost, has said why. */
static int log_level_of(Outcome outcome) {
        int is_lost = outcome.kind == OUTCOME_EXITED && outcome.value == WORKER_EXIT_LOST;
        return has_given_up(outcome) || is_lost ? LOG_INFO : LOG_WARNING;
}

static void log_gone(const Supervisor *s, unsigned slot, const Deceased *dead) {
        char how[160];
        outcome_describe(dead->outcome, dead->why, how, sizeof(how));
        LogFields fields = {.message_id = LOG_ID_WORKER_DIED,
                            .co_id = plan_slot_co(s->plan, slot),
                            .job_id = status_page_job(pool_page(s->pool, slot))};
        log_write(log_level_of(dead->outcome), &fields, "worker %d %s", dead->pid, how);
}

/* Given up by itself, ended by us or by its own watch, or nobody knows why. */
static Count count_of_end(const Deceased *dead) {
        if (log_level_of(dead->outcome) == LOG_INFO)
                return COUNT_WORKERS_GAVE_UP;
        return dead->why ? COUNT_WORKERS_KILLED : COUNT_WORKERS_DIED;
}

static void on_gone(unsigned slot, const PoolEnd *end, void *userdata) {
        Supervisor *s = userdata;
        usec_t now = clock_now_usec();
        int was_starting = plan_slot_state(s->plan, slot) == SLOT_STARTING;
        int is_clean = !plan_slot_co(s->plan, slot) && end->outcome.kind == OUTCOME_EXITED &&
                       !end->outcome.value;
        Deceased dead = {.supervisor_id = s->membership.identity.id,
                         .pid = (int32_t) pool_pid(s->pool, slot),
                         .outcome = end->outcome,
                         .usage = end->usage,
                         .why = why_ended(end),
                         .tally = &s->tally};

        CRASH_POINT(SUPERVISOR_REAPED);
        dead.outcome.is_oom = is_oom_kill(s, end);
        tally_gone(&s->tally, slot, pool_page(s->pool, slot), &end->usage, now);
        if (!is_clean) {
                log_gone(s, slot, &dead);
                tally_count(&s->tally, count_of_end(&dead));
        }
        plan_gone(s->plan, slot, was_starting || has_given_up(end->outcome), now,
                  (uint32_t) random());
        supervisor_take_remains(s, slot, &dead, is_clean && !s->is_doubtful[slot]);
        s->is_doubtful[slot] = 0;
}

static void on_child(pid_t pid, int wait_status, const struct rusage *usage, void *userdata) {
        Supervisor *s = userdata;
        pool_reaped(s->pool, pid, wait_status, usage);
}

static int is_known_child(pid_t pid, void *userdata) {
        const Supervisor *s = userdata;
        return pool_is_alive(s->pool, pid);
}

static void on_orphans_gone(void *userdata) {
        supervisor_settle_all(userdata);
}

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
        Deceased deceased = {.supervisor_id = peer->id,
                             .outcome = {.kind = OUTCOME_UNKNOWN},
                             .peer = *peer,
                             .tally = &s->tally};
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
                             .outcome = {.kind = OUTCOME_BELATED},
                             .tally = &s->tally};
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

/*
 * After a failover the new server may not know the last commits of the old one: a lane that was
 * taken or given back, a job that was finished. Workers that look idle are replaced, and what they
 * hold is looked at; those at work must hold a lane, or others run the same job.
 */
static void doubt_workers(Supervisor *s) {
        plan_replace_all(s->plan);
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                s->is_doubtful[slot] = plan_slot_state(s->plan, slot) != SLOT_EMPTY;
        s->doubt_usec = clock_now_usec();
}

static int has_pid(const int32_t *pids, size_t n, int32_t pid) {
        for (size_t i = 0; i < n; i++)
                if (pids[i] == pid)
                        return 1;
        return 0;
}

/* Ends those whose plugin ran before the new connection, and that hold nothing there. */
static void on_holders(const int32_t *pids, size_t n, usec_t asked_usec, void *userdata) {
        Supervisor *s = userdata;

        if (!s->doubt_usec || asked_usec < s->doubt_usec)
                return;
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                const StatusPage *page = pool_page(s->pool, slot);
                usec_t began = page ? atomic_load(&page->began_usec) : 0;
                if (plan_slot_state(s->plan, slot) == SLOT_BUSY && s->is_doubtful[slot] && began &&
                    began < s->doubt_usec && !has_pid(pids, n, (int32_t) pool_pid(s->pool, slot)))
                        pool_kill(s->pool, slot, POOL_REASON_LANE);
        }
        s->doubt_usec = 0;
}

static void on_up(void *userdata) {
        Supervisor *s = userdata;
        if (s->was_up)
                tally_count(&s->tally, COUNT_RECONNECTS);
        s->was_up = 1;
        doubt_workers(s);
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
        s->has_repaired = 1;
        lookout_look(&s->lookout);
}

void supervisor_show_tally(Supervisor *s) {
        usec_t now = clock_now_usec();

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                tally_read(&s->tally, slot, pool_page(s->pool, slot), now);
        free(s->membership.counters);
        s->membership.counters = tally_to_json(&s->tally);
}

static void on_registered(void *userdata) {
        Supervisor *s = userdata;
        Batch batch = {0};

        CRASH_POINT(SUPERVISOR_REGISTERED);
        s->is_member = 1;
        s->is_refusal_told = 0;
        link_confirm(s->link);
        supervisor_settle_all(s);
        membership_look(&s->membership);
        lookout_look(&s->lookout);
        batch_add(&batch, SQL_QUEUE_RESYNC);
        (void) link_submit(s->link, &batch, on_resynced, s, 0);
        if (!s->is_ready_logged && !s->args->drain)
                log_info("ready: at most %d at work, %zu external program%s",
                         (int) s->config->workers, s->config->n_exec,
                         s->config->n_exec == 1 ? "" : "s");
        if (!s->is_ready_logged)
                memory_release_startup(); /* workers are forked from what is left */
        s->is_ready_logged = 1;
        supervisor_be_ready(s);
        supervisor_count_queue(s);
}

static void on_down(void *userdata) {
        Supervisor *s = userdata;
        s->is_member = 0;
        lookout_down(&s->lookout);
        s->totals.jobs = -1;
        supervisor_be_ready(s);
        if (s->args->drain) {
                s->exit_code = EXIT_FAILURE;
                supervisor_begin_stop(s, 0);
        }
}

/* Registering goes on to be tried at every heartbeat; a drain has nobody who waits for that. */
static void on_refused(const DbError *error, void *userdata) {
        Supervisor *s = userdata;

        if (!s->is_refusal_told) {
                LogFields fields = {.hint = sqlstate_hint(error->class)};
                log_write(LOG_ERR, &fields, "could not register with the database: %s",
                          error->message);
        }
        s->is_refusal_told = 1;
        if (error->class == DB_E_RETRY)
                service_starting(3 * s->config->heartbeat_usec); /* a lock: it ends */
        else
                supervisor_be_ready(s);
        if (s->args->drain) {
                s->exit_code = EXIT_FAILURE;
                supervisor_begin_stop(s, 0);
        }
}

static void on_renewed(void *userdata) {
        Supervisor *s = userdata;
        pool_set_lease_end(s->pool, s->membership.lease_end_usec);
}

/* Others have settled our jobs: whatever still runs must not. */
static void on_membership_lost(void *userdata) {
        Supervisor *s = userdata;
        s->is_member = 0;
        tally_count(&s->tally, COUNT_LEASE_LOST);
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                pool_kill(s->pool, slot, POOL_REASON_LEASE);
        membership_up(&s->membership);
}

static void cancel_job(int32_t job_id, void *userdata) {
        Supervisor *s = userdata;
        if (pool_cancel(s->pool, job_id, clock_now_usec()))
                tally_count(&s->tally, COUNT_CANCELS);
}

static void on_notify(const char *payload, void *userdata) {
        Supervisor *s = userdata;
        Notice notice = notice_parse(payload);

        switch (notice.type) {
        case NOTICE_QUEUED:
                tally_count(&s->tally, COUNT_HEARD_QUEUED);
                co_ready(s, notice.id);
                break;
        case NOTICE_DELAYED:
                tally_count(&s->tally, COUNT_HEARD_DELAYED);
                if (s->is_member)
                        lookout_look(&s->lookout);
                break;
        case NOTICE_CANCEL:
                tally_count(&s->tally, COUNT_HEARD_CANCEL);
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
        s->has_looked = s->has_repaired && !s->lookout.is_again;
}

const PoolEvents supervisor_pool_events = {
        .on_ready = on_ready, .on_turn_over = on_turn_over, .on_gone = on_gone};

const ReaperEvents supervisor_reaper_events = {
        .on_child = on_child, .is_known = is_known_child, .on_orphans_gone = on_orphans_gone};

const LinkEvents supervisor_link_events = {
        .on_up = on_up, .on_down = on_down, .on_notify = on_notify};

const MembershipEvents supervisor_membership_events = {.on_registered = on_registered,
                                                       .on_refused = on_refused,
                                                       .on_renewed = on_renewed,
                                                       .on_lost = on_membership_lost,
                                                       .on_dead_peer = on_dead_peer,
                                                       .on_own_worker = on_own_worker,
                                                       .on_holders = on_holders};

const LookoutEvents supervisor_lookout_events = {
        .on_waiting = on_waiting, .on_looked = on_looked, .on_canceled = cancel_job};
