/*
 * Before the loop waits: what the database said is heard, what the plan wants is carried out, what
 * must end is ended, and one timer is armed for what comes by itself. A stop waits for workers and
 * heirs a bounded time; what is not settled by then is settled by the next start.
 */
#include <stdlib.h>

#include "core/lease.h"
#include "supervisor/supervisor_private.h"
#include "util/crash.h"
#include "util/log.h"

#define END_GRACE_USEC (5 * USEC_PER_SEC)   /* more than one step of the end of a worker takes */
#define SETTLER_FAILURES 5                  /* in a row, for which a drain waits */
#define CGROUP_USEC (10 * USEC_PER_MSEC)    /* nobody tells when a control group is empty */
#define CANCEL_KILL_USEC (5 * USEC_PER_SEC) /* cancel: SIGTERM to SIGKILL */

void supervisor_begin_stop(Supervisor *s, usec_t patience_usec) {
        if (s->stop_usec)
                return;
        s->stop_usec = usec_add(clock_now_usec(), patience_usec);
        plan_stop(s->plan);
        service_stopping(&s->service, s->loop);
        supervisor_tell_status(s);
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

/* Dead workers that cannot be settled now: without the database nobody waits for that. */
static unsigned count_unsettled(const Supervisor *s) {
        unsigned n = 0;
        if (s->is_member && s->was_held)
                return 0;
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                n += (unsigned) plan_slot_is_unsettled(s->plan, slot);
        return n;
}

/* What lies in the rings of this process ends with it. */
static void report_lost_records(const Supervisor *s) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (pool_has_records(s->pool, slot))
                        log_error(
                                "the last history records of worker %d could not be written before "
                                "the end of its supervisor: they are lost",
                                (int) s->departed[slot].will.pid);
}

static void stop_tick(Supervisor *s, usec_t now) {
        if (!s->stop_usec || s->is_leaving)
                return;
        if (now >= s->stop_usec)
                pool_cancel_all(s->pool, POOL_REASON_SHUTDOWN, now);
        int is_idle = plan_in_use(s->plan) == count_unsettled(s) && !s->settler.pid;
        if ((is_idle && hooks_are_over(s, now)) || now >= stop_deadline(s)) {
                s->is_leaving = 1;
                report_lost_records(s);
                CRASH_POINT(SUPERVISOR_LEAVING);
                membership_leave(s, on_left);
        }
}

static void fork_worker(Supervisor *s, unsigned slot, usec_t now) {
        int is_heir = plan_slot_state(s->plan, slot) == SLOT_DEAD;

        s->worker_settings.supervisor_id = s->membership.identity.id;
        s->worker_settings.generation = s->membership.generation;
        int r = pool_fork(s->pool, slot, is_heir ? &s->departed[slot].will : NULL);
        if (r) {
                log_error_errno(r, "could not fork a worker, trying again");
                plan_fork_failed(s->plan, slot, now, (uint32_t) random());
                return;
        }
        CRASH_POINT(SUPERVISOR_FORKED);
        if (!is_heir)
                s->departed[slot].will.n_pids = 0;
        plan_forked(s->plan, slot, now);
        tally_born(&s->tally, slot, now);
}

void supervisor_fork_settler(Supervisor *s) {
        usec_t now = clock_now_usec();

        int r = settler_fork(&s->settler, &s->worker_settings, s->config->hook_failed != NULL, now);
        if (r)
                log_error_errno(r, "could not fork to settle what dead supervisors left, trying "
                                   "again with the next sweep");
}

static void carry_out(Supervisor *s, const PlanAction *action, usec_t now) {
        int is_start;

        switch (action->type) {
        case PLAN_SPAWN:
                fork_worker(s, action->slot, now);
                break;
        case PLAN_ASSIGN:
                pool_assign(s->pool, action->slot, action->co_id);
                CRASH_POINT(SUPERVISOR_ASSIGNED);
                break;
        case PLAN_RETIRE:
                if (plan_slot_is_spent(s->plan, action->slot))
                        tally_count(&s->tally, COUNT_WORKERS_REPLACED);
                pool_retire(s->pool, action->slot);
                break;
        case PLAN_KILL:
                is_start = plan_slot_state(s->plan, action->slot) != SLOT_RETIRING;
                log_warning("worker %d did not %s in time, killing it",
                            (int) pool_pid(s->pool, action->slot), is_start ? "start" : "end");
                pool_kill(s->pool, action->slot, is_start ? POOL_REASON_START : POOL_REASON_RETIRE);
                break;
        case PLAN_NONE:
                break;
        }
}

/* Others may take our lanes when the lease has ended: by then nothing of ours may run. */
static usec_t stop_at(const Supervisor *s) {
        return lease_stop_at(s->membership.lease_end_usec, s->membership.lease_usec);
}

/* What runs is stopped in time, and nothing new begins. Returns when to look again. */
static usec_t lease_tick(Supervisor *s, usec_t now) {
        usec_t until = stop_at(s);
        int is_held = now < until;

        plan_set_online(s->plan, s->is_member && is_held);
        if (is_held && !s->was_held) {
                pool_call_off(s->pool, POOL_REASON_LEASE);
                lookout_look(s); /* turns ended early */
        }
        if (!is_held && s->was_held)
                log_warning("the lease could not be renewed for %.1f s: ending what runs",
                            (double) usec_sub(now, usec_sub(s->membership.lease_end_usec,
                                                            s->membership.lease_usec)) /
                                    (double) USEC_PER_SEC);
        if (!is_held && s->was_held) {
                tally_count(&s->tally, COUNT_LEASE_LAPSED);
                membership_renew(s); /* the host may have slept: not with the next heartbeat */
        }
        s->was_held = is_held;
        if (is_held)
                return until;
        if (s->membership.lease_end_usec)
                pool_cancel_all(s->pool, POOL_REASON_LEASE, now);
        return USEC_INFINITY;
}

/* A peer that cannot be settled keeps a drain for a while, not for ever. */
static int is_settling(const Supervisor *s) {
        if (s->settler.pid)
                return 1;
        return (!s->membership.has_looked || s->membership.is_looking || s->stray_usec) &&
               s->settler_failures < SETTLER_FAILURES;
}

static void drain_tick(Supervisor *s) {
        if (s->args->drain && s->has_looked && !provision_is_open(s) && !s->lookout.is_asking &&
            !plan_waiting(s->plan) && !is_settling(s) &&
            plan_in_use(s->plan) == plan_count(s->plan, SLOT_IDLE))
                supervisor_begin_stop(s, 0);
}

static void arm_wake(Supervisor *s, usec_t wake, usec_t now) {
        ev_timer_stop(s->loop, &s->wake);
        if (wake == USEC_INFINITY)
                return;
        ev_timer_set(&s->wake, (double) usec_sub(wake, now) / (double) USEC_PER_SEC + 0.001, 0);
        ev_timer_start(s->loop, &s->wake);
}

/* A dead worker's heir must not meet what that one started. Returns when to look again. */
static usec_t clear_dead(Supervisor *s, usec_t now) {
        usec_t wake = USEC_INFINITY;

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                if (plan_slot_state(s->plan, slot) != SLOT_DYING)
                        continue;
                usec_t until = s->departed[slot].clear_by_usec;
                int is_left = pool_end_left(s->pool, slot);
                if ((!is_left && !reaper_has_orphans(&s->reaper)) || now >= until)
                        plan_cleared(s->plan, slot, now);
                else
                        wake = MIN_OF(wake,
                                      is_left ? MIN_OF(until, usec_add(now, CGROUP_USEC)) : until);
        }
        return wake;
}

/*
 * Every slot of the plan that is in use has its process, alive or not settled; no other has one. A
 * slot that leaked would be missing for ever: better to begin anew, and to settle what is left.
 */
static void check_slots(const Supervisor *s) {
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++) {
                if ((plan_slot_state(s->plan, slot) == SLOT_EMPTY) == !pool_pid(s->pool, slot))
                        continue;
                log_write(LOG_CRIT, NULL, "slot %u of the pool and its process do not agree: bug",
                          slot);
                abort();
        }
}

void supervisor_decide(Supervisor *s) {
        usec_t now = clock_now_usec();
        PlanAction action;

        supervisor_hear_link(s);
        int is_more = hearing_take(s);
        supervisor_hear_link(s); /* too many of them close it */
        usec_t wake = MIN_OF(lease_tick(s, now), is_more ? now : USEC_INFINITY);
        if (s->stray_usec && now >= s->stray_usec) {
                s->stray_usec = 0;
                membership_find_dead(s);
        }
        wake = MIN_OF(wake, clear_dead(s, now));
        wake = MIN_OF(wake, settler_check(&s->settler, now));
        wake = MIN_OF(wake, hearing_check(s, now));
        wake = MIN_OF(wake, supervisor_check_reload(s, now));
        wake = MIN_OF(wake, provision_check(s, now));
        wake = MIN_OF(wake, supervisor_tell_trouble(s, now));
        drain_tick(s);
        while ((action = plan_next(s->plan, now)).type != PLAN_NONE)
                carry_out(s, &action, now);
        int is_held = now < stop_at(s);
        check_slots(s);
        pool_set_wishes(s->pool, (s->stop_usec || !is_held ? ORDERS_WISH_STOP : 0) |
                                         (plan_has_waiting(s->plan) || plan_has_spent(s->plan)
                                                  ? ORDERS_WISH_OTHERS
                                                  : 0) |
                                         (s->config->hook_failed ? ORDERS_WISH_FAILED : 0));
        stop_tick(s, now);
        wake = MIN_OF(wake, hooks_check(s, now));

        CancelPolicy of_cancel = {.grace_usec = s->config->cancel_grace_usec,
                                  .kill_usec = CANCEL_KILL_USEC};
        usec_t step = lease_times(s->config->lease_usec).step_usec;
        CancelPolicy of_end = {.grace_usec = step, .kill_usec = step};
        wake = MIN_OF(wake, pool_escalate(s->pool, &of_cancel, &of_end, now));
        wake = MIN_OF(wake, plan_wake(s->plan, now));
        if (s->stray_usec)
                wake = MIN_OF(wake, s->stray_usec);
        if (s->stop_usec && !s->is_leaving)
                wake = MIN_OF(wake, now < s->stop_usec ? s->stop_usec : stop_deadline(s));
        arm_wake(s, wake, now);
}
