#include "core/plan.h"

#include <errno.h>
#include <string.h>

#include "core/co_list.h"
#include "util/error.h"

static const Backoff fork_backoff = {.first_usec = 100 * USEC_PER_MSEC,
                                     .max_usec = 10 * USEC_PER_SEC};

#define HELD_UP_USEC USEC_PER_SEC /* a settlement that nobody disturbs takes milliseconds */

/* What is done when a slot has been in a state for too long. */
static const struct {
        PlanActionType action;
        size_t limit; /* offset in PlanLimits */
} overdue[_SLOT_STATE_MAX] = {
        [SLOT_STARTING] = {PLAN_KILL, offsetof(PlanLimits, start_usec)},
        [SLOT_IDLE] = {PLAN_RETIRE, offsetof(PlanLimits, idle_usec)},
        [SLOT_RETIRING] = {PLAN_KILL, offsetof(PlanLimits, start_usec)},
        [SLOT_HEIR] = {PLAN_KILL, offsetof(PlanLimits, start_usec)},
};

typedef struct Slot {
        SlotState state;
        int32_t co_id;
        unsigned jobs;     /* run by this worker */
        int is_spent;      /* to be replaced, however few jobs it has run */
        usec_t since_usec; /* of this state */
        int is_kill_asked;
        unsigned heir_failures;      /* in a row */
        usec_t heir_not_before_usec; /* the next heir */
} Slot;

struct Plan {
        PlanLimits limits;
        Slot slots[PLAN_SLOTS_MAX];
        CoList cos;
        int is_flooded;     /* hints are not followed */
        int has_overflowed; /* a hint was not followed since the last look was sent */
        int is_online;
        int is_stopping;
        unsigned failures; /* of workers, in a row: to start, or in a turn */
        usec_t fork_not_before_usec;
};

int plan_new(const PlanLimits *limits, Plan **ret) {
        Plan *plan = calloc(1, sizeof(*plan));
        if (!plan)
                return error_origin(-ENOMEM);
        plan->limits = *limits;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                plan->slots[i].state = SLOT_EMPTY;
        *ret = plan;
        return 0;
}

Plan *plan_free(Plan *plan) {
        if (plan)
                co_list_done(&plan->cos);
        free(plan);
        return NULL;
}

void plan_set_limits(Plan *plan, const PlanLimits *limits) {
        plan->limits = *limits;
}

void plan_set_online(Plan *plan, int is_online) {
        if (is_online == plan->is_online)
                return;
        plan->is_online = is_online;
        if (!is_online)
                return;
        plan->failures = 0;
        plan->fork_not_before_usec = 0;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                plan->slots[i].heir_not_before_usec = 0;
}

/* The CO if it is known; where it has a worker, it is looked at again after the turn. */
static Co *note_again(Plan *plan, int32_t co_id) {
        Co *known = co_list_find(&plan->cos, co_id);
        if (known)
                known->is_again = known->has_worker;
        return known;
}

int plan_co_ready(Plan *plan, int32_t co_id) {
        Co *known = note_again(plan, co_id);
        if (known) {
                co_list_confirm(&plan->cos, known);
                return 0;
        }
        return plan->is_stopping ? 0 : co_list_add(&plan->cos, co_id, 0);
}

int plan_co_heard(Plan *plan, int32_t co_id) {
        if (note_again(plan, co_id) || plan->is_stopping)
                return 0;
        if (!plan->is_flooded && plan->cos.n_hints < PLAN_HINTS_MAX &&
            !co_list_add(&plan->cos, co_id, 1))
                return 0;
        co_list_remove_hints(&plan->cos);
        plan->is_flooded = plan->has_overflowed = 1;
        return PLAN_E_HINTS;
}

void plan_look_begins(Plan *plan) {
        plan->has_overflowed = 0;
}

void plan_look_ends(Plan *plan) {
        plan->is_flooded = plan->has_overflowed;
}

void plan_stop(Plan *plan) {
        plan->is_stopping = 1;
        co_list_remove_waiting(&plan->cos);
}

/* 1 when the event happens in the slot's state, which is the next one then. */
static int enter(Slot *slot, SlotEvent event, usec_t now_usec) {
        SlotState next = slot_after(slot->state, event);

        if (next == _SLOT_NONE)
                return 0;
        slot->state = next;
        slot->since_usec = now_usec;
        slot->is_kill_asked = 0;
        return 1;
}

void plan_forked(Plan *plan, unsigned slot, usec_t now_usec) {
        Slot *s = &plan->slots[slot];

        s->jobs = 0;
        s->is_spent = 0;
        (void) enter(s, SLOT_EV_FORKED, now_usec);
}

static void delay_forks(Plan *plan, usec_t now_usec, uint32_t random) {
        plan->failures++;
        plan->fork_not_before_usec =
                usec_add(now_usec, backoff_delay(&fork_backoff, plan->failures, random));
}

/* One will that cannot be carried out holds up nobody else. */
static void delay_heir(Slot *slot, usec_t now_usec, uint32_t random) {
        slot->heir_failures++;
        slot->heir_not_before_usec =
                usec_add(now_usec, backoff_delay(&fork_backoff, slot->heir_failures, random));
}

void plan_fork_failed(Plan *plan, unsigned slot, usec_t now_usec, uint32_t random) {
        if (plan->slots[slot].state == SLOT_DEAD)
                delay_heir(&plan->slots[slot], now_usec, random);
        else
                delay_forks(plan, now_usec, random);
}

void plan_ready(Plan *plan, unsigned slot, usec_t now_usec) {
        (void) enter(&plan->slots[slot], SLOT_EV_READY, now_usec);
}

/* The slot's CO has no worker any more. */
static void part_from_co(Plan *plan, Slot *slot, int looks_again) {
        Co *co = slot->co_id ? co_list_find(&plan->cos, slot->co_id) : NULL;

        slot->co_id = 0;
        if (!co)
                return;
        if ((looks_again || co->is_again) && !plan->is_stopping)
                co_list_requeue(&plan->cos, co);
        else
                co_list_remove(&plan->cos, co);
}

void plan_turn_over(Plan *plan, unsigned slot, PlanTurn end, unsigned jobs, usec_t now_usec) {
        Slot *s = &plan->slots[slot];
        if (!enter(s, SLOT_EV_TURN_OVER, now_usec))
                return;
        /* Not before: a server that takes connections may still refuse all work. */
        plan->failures = 0;
        plan->fork_not_before_usec = 0;
        s->jobs += jobs;
        /* An old worker may have left a job alone whose model it does not know. */
        part_from_co(plan, s, end == PLAN_TURN_MORE || (end == PLAN_TURN_EMPTY && s->is_spent));
}

void plan_replace(Plan *plan, unsigned slot) {
        plan->slots[slot].is_spent = 1;
}

void plan_replace_all(Plan *plan) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                plan_replace(plan, i);
}

void plan_gone(Plan *plan, unsigned slot, int has_left, int has_failed, usec_t now_usec,
               uint32_t random) {
        Slot *s = &plan->slots[slot];

        if (s->state == SLOT_HEIR) {
                delay_heir(s, now_usec, random);
        } else if (has_failed) {
                delay_forks(plan, now_usec, random);
                s->heir_not_before_usec = plan->fork_not_before_usec; /* it would fail, too */
        }
        /* An heir that did not settle, and a worker that had a CO, have always left something. */
        if (has_left || !enter(s, SLOT_EV_ENDED, now_usec))
                (void) enter(s, SLOT_EV_DIED, now_usec);
}

void plan_cleared(Plan *plan, unsigned slot, usec_t now_usec) {
        (void) enter(&plan->slots[slot], SLOT_EV_CLEARED, now_usec);
}

void plan_settled(Plan *plan, unsigned slot, usec_t now_usec) {
        Slot *s = &plan->slots[slot];

        if (!enter(s, SLOT_EV_SETTLED, now_usec))
                return;
        s->heir_failures = 0;
        s->heir_not_before_usec = 0;
        part_from_co(plan, s, 1);
}

unsigned plan_count(const Plan *plan, SlotState state) {
        unsigned n = 0;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                n += plan->slots[i].state == state;
        return n;
}

unsigned plan_in_use(const Plan *plan) {
        return PLAN_SLOTS_MAX - plan_count(plan, SLOT_EMPTY);
}

int plan_slot_is_unsettled(const Plan *plan, unsigned slot) {
        SlotState state = plan->slots[slot].state;
        return state == SLOT_DYING || state == SLOT_DEAD || state == SLOT_HEIR;
}

SlotState plan_slot_state(const Plan *plan, unsigned slot) {
        return plan->slots[slot].state;
}

int32_t plan_slot_co(const Plan *plan, unsigned slot) {
        return plan->slots[slot].co_id;
}

size_t plan_waiting(const Plan *plan) {
        return plan->cos.n_waiting;
}

int plan_has_waiting(const Plan *plan) {
        return plan->cos.n_waiting > 0;
}

int plan_has_spent(const Plan *plan) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (plan->slots[i].state == SLOT_BUSY && plan->slots[i].is_spent)
                        return 1;
        return 0;
}

/* When the slot's state is too old, and what is done then. */
static usec_t slot_deadline(const Plan *plan, const Slot *slot, PlanActionType *ret) {
        *ret = overdue[slot->state].action;
        if (*ret == PLAN_NONE || slot->is_kill_asked)
                return USEC_INFINITY;
        usec_t limit;
        memcpy(&limit, (const char *) &plan->limits + overdue[slot->state].limit, sizeof(limit));
        return usec_add(slot->since_usec, limit);
}

/* 1 for a worker that runs nothing more. */
static int is_spent(const Plan *plan, const Slot *slot) {
        return slot->is_spent || slot->jobs >= plan->limits.max_jobs_per_worker;
}

int plan_slot_is_spent(const Plan *plan, unsigned slot) {
        return is_spent(plan, &plan->slots[slot]);
}

/* When an heir that is still at work counts as held up by somebody's lock. */
static usec_t held_up_at(const Slot *slot) {
        if (slot->state != SLOT_HEIR && slot->state != SLOT_DEAD)
                return USEC_INFINITY;
        return slot->heir_failures ? 0 : usec_add(slot->since_usec, HELD_UP_USEC);
}

static int is_held_up(const Slot *slot, usec_t now_usec) {
        return now_usec >= held_up_at(slot);
}

/*
 * Those that count: a slot whose settlement is held up takes no worker's place, as long as those
 * slots are no more than `workers`: each has a connection of its own.
 */
static unsigned count_workers(const Plan *plan, usec_t now_usec) {
        unsigned held_up = 0;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                held_up += (unsigned) is_held_up(&plan->slots[i], now_usec);
        return plan_in_use(plan) - MIN_OF(held_up, plan->limits.workers);
}

/* 1 for an idle worker that has served its time. */
static int is_superfluous(const Plan *plan, const Slot *slot, usec_t now_usec) {
        return slot->state == SLOT_IDLE &&
               (plan->is_stopping || is_spent(plan, slot) ||
                count_workers(plan, now_usec) - plan_count(plan, SLOT_RETIRING) >
                        plan->limits.workers);
}

static PlanAction next_ending(Plan *plan, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Slot *slot = &plan->slots[i];
                PlanActionType type;
                if (slot_deadline(plan, slot, &type) > now_usec &&
                    !is_superfluous(plan, slot, now_usec))
                        continue;
                if (type == PLAN_KILL)
                        slot->is_kill_asked = 1;
                else
                        (void) enter(slot, SLOT_EV_RETIRED, now_usec);
                return (PlanAction){.type = type, .slot = i};
        }
        return (PlanAction){.type = PLAN_NONE};
}

/* The worker that was idle last, so that the others reach their idle time. */
static Slot *warmest_idle(Plan *plan) {
        Slot *warmest = NULL;
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Slot *slot = &plan->slots[i];
                if (slot->state == SLOT_IDLE &&
                    (!warmest || slot->since_usec > warmest->since_usec))
                        warmest = slot;
        }
        return warmest;
}

static PlanAction next_assignment(Plan *plan, usec_t now_usec) {
        Slot *slot = plan->cos.n_waiting ? warmest_idle(plan) : NULL;
        Co *co = slot ? co_list_first_waiting(&plan->cos) : NULL;
        if (!co)
                return (PlanAction){.type = PLAN_NONE};

        co_list_assign(&plan->cos, co);
        (void) enter(slot, SLOT_EV_ASSIGNED, now_usec);
        slot->co_id = co->id;
        return (PlanAction){
                .type = PLAN_ASSIGN, .slot = (unsigned) (slot - plan->slots), .co_id = co->id};
}

/* Workers that will be idle soon, heirs among them, serve those that wait already. */
static int wants_worker(const Plan *plan, usec_t now_usec) {
        unsigned soon = plan_count(plan, SLOT_STARTING) + plan_count(plan, SLOT_IDLE);

        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                soon += plan->slots[i].state == SLOT_HEIR && !is_held_up(&plan->slots[i], now_usec);
        return plan->cos.n_waiting > soon && plan_in_use(plan) < PLAN_SLOTS_MAX &&
               count_workers(plan, now_usec) < plan->limits.workers;
}

/* When the plan forks a worker, if nothing happens; USEC_INFINITY for never. */
static usec_t fork_wake(const Plan *plan, usec_t now_usec) {
        usec_t wake = USEC_INFINITY;

        if (!plan->is_online || plan->is_stopping)
                return USEC_INFINITY;
        if (wants_worker(plan, now_usec))
                return MAX_OF(plan->fork_not_before_usec, now_usec);
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                usec_t at = held_up_at(&plan->slots[i]);
                if (at > now_usec && at < wake && wants_worker(plan, at))
                        wake = MAX_OF(plan->fork_not_before_usec, at);
        }
        return wake;
}

/* What a dead worker left is settled even while the plan stops. */
static PlanAction next_heir(const Plan *plan, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (plan->slots[i].state == SLOT_DEAD &&
                    now_usec >= plan->slots[i].heir_not_before_usec)
                        return (PlanAction){.type = PLAN_SPAWN, .slot = i};
        return (PlanAction){.type = PLAN_NONE};
}

static PlanAction next_fork(const Plan *plan, usec_t now_usec) {
        if (!wants_worker(plan, now_usec) || now_usec < plan->fork_not_before_usec)
                return (PlanAction){.type = PLAN_NONE};
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (plan->slots[i].state == SLOT_EMPTY)
                        return (PlanAction){.type = PLAN_SPAWN, .slot = i};
        return (PlanAction){.type = PLAN_NONE};
}

PlanAction plan_next(Plan *plan, usec_t now_usec) {
        PlanAction action = next_ending(plan, now_usec);
        if (action.type == PLAN_NONE && plan->is_online)
                action = next_heir(plan, now_usec);
        if (action.type == PLAN_NONE && plan->is_online && !plan->is_stopping)
                action = next_assignment(plan, now_usec);
        if (action.type == PLAN_NONE && plan->is_online && !plan->is_stopping)
                action = next_fork(plan, now_usec);
        return action;
}

usec_t plan_wake(const Plan *plan, usec_t now_usec) {
        usec_t wake = fork_wake(plan, now_usec);
        PlanActionType ignored;

        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                const Slot *slot = &plan->slots[i];
                wake = MIN_OF(wake, slot_deadline(plan, slot, &ignored));
                if (slot->state == SLOT_DEAD && plan->is_online)
                        wake = MIN_OF(wake, MAX_OF(slot->heir_not_before_usec, now_usec));
        }
        return wake;
}
