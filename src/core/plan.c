#include "core/plan.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/error.h"

static const Backoff spawn_backoff = {.first_usec = 100 * USEC_PER_MSEC,
                                      .max_usec = 10 * USEC_PER_SEC};

typedef struct Slot {
        SlotState state;
        int32_t co_id;
        unsigned jobs;     /* run by this worker */
        int is_spent;      /* to be replaced, however few jobs it has run */
        usec_t since_usec; /* of this state */
        int is_kill_asked;
} Slot;

/* A CO that waits or has a worker. The array is sorted by id. */
typedef struct Co {
        int32_t id;
        int has_worker;
        int is_again;      /* heard of while it had a worker: look again after the turn */
        uint64_t position; /* in the queue of those that wait */
} Co;

struct Plan {
        PlanLimits limits;
        Slot slots[PLAN_SLOTS_MAX];
        Co *cos;
        size_t n, size;
        size_t n_waiting;
        uint64_t next_position;
        int is_online;
        int is_stopping;
        unsigned failures; /* of workers, in a row: to start, or in a turn */
        usec_t spawn_not_before_usec;
};

int plan_new(const PlanLimits *limits, Plan **ret) {
        Plan *plan = calloc(1, sizeof(*plan));
        if (!plan)
                return error_origin(-ENOMEM);
        plan->limits = *limits;
        *ret = plan;
        return 0;
}

Plan *plan_free(Plan *plan) {
        if (plan)
                free(plan->cos);
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
        if (is_online) {
                plan->failures = 0;
                plan->spawn_not_before_usec = 0;
        }
}

/* Where `id` is in the array, or belongs. */
static size_t find(const Plan *plan, int32_t id) {
        size_t low = 0, high = plan->n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (plan->cos[middle].id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static Co *find_co(Plan *plan, int32_t id) {
        size_t i = find(plan, id);
        return i < plan->n && plan->cos[i].id == id ? &plan->cos[i] : NULL;
}

static void put_in_queue(Plan *plan, Co *co) {
        co->has_worker = co->is_again = 0;
        co->position = plan->next_position++;
        plan->n_waiting++;
}

static void forget(Plan *plan, Co *co) {
        size_t i = (size_t) (co - plan->cos);
        memmove(co, co + 1, (plan->n - i - 1) * sizeof(*co));
        plan->n--;
}

int plan_co_ready(Plan *plan, int32_t co_id) {
        Co *known = find_co(plan, co_id);
        if (known) {
                known->is_again = known->has_worker;
                return 0;
        }
        if (plan->is_stopping)
                return 0;
        if (plan->n == PLAN_COS_MAX)
                return error_origin(-ENOBUFS);
        if (plan->n == plan->size) {
                size_t size = plan->size ? 2 * plan->size : 64;
                Co *cos = reallocarray(plan->cos, size, sizeof(*cos));
                if (!cos)
                        return error_origin(-ENOMEM);
                plan->cos = cos;
                plan->size = size;
        }
        size_t i = find(plan, co_id);
        memmove(&plan->cos[i + 1], &plan->cos[i], (plan->n - i) * sizeof(*plan->cos));
        plan->cos[i] = (Co){.id = co_id};
        plan->n++;
        put_in_queue(plan, &plan->cos[i]);
        return 0;
}

void plan_stop(Plan *plan) {
        plan->is_stopping = 1;
        for (size_t i = plan->n; i-- > 0;)
                if (!plan->cos[i].has_worker)
                        forget(plan, &plan->cos[i]);
        plan->n_waiting = 0;
}

static void enter(Slot *slot, SlotState state, usec_t now_usec) {
        slot->state = state;
        slot->since_usec = now_usec;
        slot->is_kill_asked = 0;
}

void plan_spawned(Plan *plan, unsigned slot, usec_t now_usec) {
        plan->slots[slot] = (Slot){0};
        enter(&plan->slots[slot], SLOT_STARTING, now_usec);
}

void plan_spawn_failed(Plan *plan, usec_t now_usec, uint32_t random) {
        plan->failures++;
        plan->spawn_not_before_usec =
                usec_add(now_usec, backoff_delay(&spawn_backoff, plan->failures, random));
}

void plan_started(Plan *plan, unsigned slot, usec_t now_usec) {
        if (plan->slots[slot].state != SLOT_STARTING)
                return; /* said by a plugin that has the descriptor */
        enter(&plan->slots[slot], SLOT_IDLE, now_usec);
}

/* The slot's CO has no worker any more. */
static void part_from_co(Plan *plan, Slot *slot, int looks_again) {
        Co *co = slot->co_id ? find_co(plan, slot->co_id) : NULL;

        slot->co_id = 0;
        if (!co)
                return;
        if ((looks_again || co->is_again) && !plan->is_stopping)
                put_in_queue(plan, co);
        else
                forget(plan, co);
}

void plan_turn_over(Plan *plan, unsigned slot, PlanTurn end, unsigned jobs, usec_t now_usec) {
        Slot *s = &plan->slots[slot];
        if (s->state != SLOT_BUSY)
                return;
        /* Not before: a server that takes connections may still refuse all work. */
        plan->failures = 0;
        plan->spawn_not_before_usec = 0;
        s->jobs += jobs;
        if (end == PLAN_TURN_HELD) {
                /* Whoever holds it hears of the same jobs; the sweep finds what they leave. */
                Co *co = find_co(plan, s->co_id);
                if (co)
                        co->is_again = 0;
        }
        part_from_co(plan, s, end == PLAN_TURN_MORE);
        enter(s, SLOT_IDLE, now_usec);
}

void plan_replace(Plan *plan, unsigned slot) {
        plan->slots[slot].is_spent = 1;
}

void plan_replace_all(Plan *plan) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                plan_replace(plan, i);
}

void plan_gone(Plan *plan, unsigned slot, int has_failed, usec_t now_usec, uint32_t random) {
        if (has_failed)
                plan_spawn_failed(plan, now_usec, random);
        enter(&plan->slots[slot], SLOT_DEAD, now_usec);
}

void plan_co_released(Plan *plan, unsigned slot) {
        assert(plan->slots[slot].state == SLOT_DEAD);
        part_from_co(plan, &plan->slots[slot], 1);
        plan->slots[slot].state = SLOT_LEFT;
}

void plan_settled(Plan *plan, unsigned slot) {
        assert(plan_slot_is_dead(plan, slot));
        part_from_co(plan, &plan->slots[slot], 1);
        plan->slots[slot].state = SLOT_EMPTY;
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

int plan_slot_is_dead(const Plan *plan, unsigned slot) {
        SlotState state = plan->slots[slot].state;
        return state == SLOT_DEAD || state == SLOT_LEFT;
}

/* Those that count: where only history is left to be written, another worker may be forked. */
static unsigned count_workers(const Plan *plan) {
        return plan_in_use(plan) - plan_count(plan, SLOT_LEFT);
}

SlotState plan_slot_state(const Plan *plan, unsigned slot) {
        return plan->slots[slot].state;
}

int32_t plan_slot_co(const Plan *plan, unsigned slot) {
        return plan->slots[slot].co_id;
}

size_t plan_waiting(const Plan *plan) {
        return plan->n_waiting;
}

int plan_has_waiting(const Plan *plan) {
        return plan->n_waiting > 0;
}

/* When the slot's state is too old, and what is done then. */
static usec_t slot_deadline(const Plan *plan, const Slot *slot, PlanActionType *ret) {
        if (slot->state == SLOT_IDLE) {
                *ret = PLAN_RETIRE;
                return usec_add(slot->since_usec, plan->limits.idle_usec);
        }
        *ret = PLAN_KILL;
        if ((slot->state == SLOT_STARTING || slot->state == SLOT_RETIRING) && !slot->is_kill_asked)
                return usec_add(slot->since_usec, plan->limits.start_usec);
        return USEC_INFINITY;
}

/* 1 for a worker that runs nothing more. */
static int is_spent(const Plan *plan, const Slot *slot) {
        return slot->is_spent || slot->jobs >= plan->limits.max_jobs_per_worker;
}

int plan_slot_is_spent(const Plan *plan, unsigned slot) {
        return is_spent(plan, &plan->slots[slot]);
}

/* 1 for an idle worker that has served its time. */
static int is_superfluous(const Plan *plan, const Slot *slot) {
        return slot->state == SLOT_IDLE &&
               (plan->is_stopping || is_spent(plan, slot) ||
                count_workers(plan) - plan_count(plan, SLOT_RETIRING) > plan->limits.workers);
}

static PlanAction next_ending(Plan *plan, usec_t now_usec) {
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++) {
                Slot *slot = &plan->slots[i];
                PlanActionType type = PLAN_RETIRE;
                if (!is_superfluous(plan, slot) && slot_deadline(plan, slot, &type) > now_usec)
                        continue;
                if (type == PLAN_KILL)
                        slot->is_kill_asked = 1;
                else
                        enter(slot, SLOT_RETIRING, now_usec);
                return (PlanAction){.type = type, .slot = i};
        }
        return (PlanAction){.type = PLAN_NONE};
}

static Co *first_waiting(Plan *plan) {
        Co *first = NULL;
        for (size_t i = 0; i < plan->n; i++)
                if (!plan->cos[i].has_worker && (!first || plan->cos[i].position < first->position))
                        first = &plan->cos[i];
        return first;
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
        Slot *slot = plan->n_waiting ? warmest_idle(plan) : NULL;
        Co *co = slot ? first_waiting(plan) : NULL;
        if (!co)
                return (PlanAction){.type = PLAN_NONE};

        co->has_worker = 1;
        plan->n_waiting--;
        enter(slot, SLOT_BUSY, now_usec);
        slot->co_id = co->id;
        return (PlanAction){
                .type = PLAN_ASSIGN, .slot = (unsigned) (slot - plan->slots), .co_id = co->id};
}

/* Workers that will be idle soon serve those that wait already. */
static int wants_worker(const Plan *plan) {
        return plan->n_waiting > plan_count(plan, SLOT_STARTING) + plan_count(plan, SLOT_IDLE) &&
               count_workers(plan) < plan->limits.workers && plan_in_use(plan) < PLAN_SLOTS_MAX;
}

static PlanAction next_spawn(const Plan *plan, usec_t now_usec) {
        if (!wants_worker(plan) || now_usec < plan->spawn_not_before_usec)
                return (PlanAction){.type = PLAN_NONE};
        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                if (plan->slots[i].state == SLOT_EMPTY)
                        return (PlanAction){.type = PLAN_SPAWN, .slot = i};
        return (PlanAction){.type = PLAN_NONE};
}

PlanAction plan_next(Plan *plan, usec_t now_usec) {
        PlanAction action = next_ending(plan, now_usec);
        if (action.type == PLAN_NONE && plan->is_online && !plan->is_stopping)
                action = next_assignment(plan, now_usec);
        if (action.type == PLAN_NONE && plan->is_online && !plan->is_stopping)
                action = next_spawn(plan, now_usec);
        return action;
}

usec_t plan_wake(const Plan *plan, usec_t now_usec) {
        usec_t wake = USEC_INFINITY;
        PlanActionType ignored;

        for (unsigned i = 0; i < PLAN_SLOTS_MAX; i++)
                wake = MIN_OF(wake, slot_deadline(plan, &plan->slots[i], &ignored));
        if (plan->is_online && !plan->is_stopping && wants_worker(plan))
                wake = MIN_OF(wake, MAX_OF(plan->spawn_not_before_usec, now_usec));
        return wake;
}
