/*
 * Before the loop waits: what the plan wants is carried out, what must end is ended, and one timer
 * is armed for what comes by itself.
 */
#include <stdlib.h>

#include "core/lease.h"
#include "supervisor/supervisor_private.h"
#include "util/crash.h"
#include "util/log.h"

#define END_GRACE_USEC (5 * USEC_PER_SEC)   /* more than one step of the end of a worker takes */
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

/* Dead workers of whom nothing can be settled now: without the database nobody waits for that. */
static unsigned count_unsettled(const Supervisor *s) {
        unsigned n = 0;
        if (link_is_up(s->link))
                return 0;
        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                n += plan_slot_is_dead(s->plan, slot) && !s->remains[slot].is_busy;
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
                CRASH_POINT(SUPERVISOR_LEAVING);
                membership_leave(&s->membership, on_left, s);
        }
}

static void carry_out(Supervisor *s, const PlanAction *action, usec_t now) {
        int r, is_start;

        switch (action->type) {
        case PLAN_SPAWN:
                s->worker_settings.supervisor_id = s->membership.identity.id;
                r = pool_spawn(s->pool, action->slot);
                if (r) {
                        log_error_errno(r, "could not fork a worker, trying again");
                        plan_spawn_failed(s->plan, now, (uint32_t) random());
                } else {
                        CRASH_POINT(SUPERVISOR_FORKED);
                        plan_spawned(s->plan, action->slot, now);
                        tally_born(&s->tally, action->slot, now);
                }
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
                is_start = plan_slot_state(s->plan, action->slot) == SLOT_STARTING;
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
                lookout_look(&s->lookout); /* turns ended early */
        }
        if (!is_held && s->was_held)
                log_warning("the lease could not be renewed for %.1f s: ending what runs",
                            (double) usec_sub(now, usec_sub(s->membership.lease_end_usec,
                                                            s->membership.lease_usec)) /
                                    (double) USEC_PER_SEC);
        if (!is_held && s->was_held)
                tally_count(&s->tally, COUNT_LEASE_LAPSED);
        s->was_held = is_held;
        if (is_held)
                return until;
        if (s->membership.lease_end_usec)
                pool_cancel_all(s->pool, POOL_REASON_LEASE, now);
        return USEC_INFINITY;
}

static void drain_tick(Supervisor *s) {
        if (s->args->drain && s->has_looked && !s->lookout.is_asking && !plan_waiting(s->plan) &&
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

        usec_t wake = lease_tick(s, now);
        if (s->settle_usec && now >= s->settle_usec) {
                s->settle_usec = 0;
                supervisor_settle_all(s);
        }
        if (s->stray_usec && now >= s->stray_usec) {
                s->stray_usec = 0;
                membership_look(&s->membership);
        }
        drain_tick(s);
        while ((action = plan_next(s->plan, now)).type != PLAN_NONE)
                carry_out(s, &action, now);
        int is_held = now < stop_at(s);
        check_slots(s);
        pool_set_wishes(s->pool, (s->stop_usec || !is_held ? STATUS_WISH_STOP : 0) |
                                         (plan_has_waiting(s->plan) ? STATUS_WISH_OTHERS : 0));
        stop_tick(s, now);

        CancelPolicy of_cancel = {.grace_usec = s->config->cancel_grace_usec,
                                  .kill_usec = CANCEL_KILL_USEC};
        usec_t step = lease_times(s->config->lease_usec).step_usec;
        CancelPolicy of_end = {.grace_usec = step, .kill_usec = step};
        wake = MIN_OF(wake, pool_escalate(s->pool, &of_cancel, &of_end, now));
        wake = MIN_OF(wake, plan_wake(s->plan, now));
        if (s->settle_usec)
                wake = MIN_OF(wake, s->settle_usec);
        if (s->stray_usec)
                wake = MIN_OF(wake, s->stray_usec);
        if (s->stop_usec && !s->is_leaving)
                wake = MIN_OF(wake, now < s->stop_usec ? s->stop_usec : stop_deadline(s));
        arm_wake(s, wake, now);
}
