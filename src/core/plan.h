/*
 * The supervisor's brain: which CO gets which worker, when a worker is forked or retired, and when
 * to look again. It knows no process, clock or database: events and the time come in, actions go
 * out.
 *
 * A CO waits (in the order in which it was heard of), or has a worker, or is not known here. A CO
 * that only a notification names waits on a hint, and there is room for few of those. What a slot
 * does at which event is a table of its own: core/slot.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/backoff.h"
#include "core/slot.h"
#include "util/macro.h"

#define PLAN_SLOTS_MAX 256

/*
 * Anybody who may connect to the database can send a notification: so many COs wait on the word of
 * one. Each costs a worker one statement when it is not true.
 */
#define PLAN_HINTS_MAX 128

#define PLAN_E_HINTS 1 /* more hints than that: only a look at the queue finds the jobs */

typedef enum PlanActionType {
        PLAN_NONE,
        PLAN_SPAWN,  /* fork a worker into `slot`; an heir where the slot is DEAD */
        PLAN_ASSIGN, /* give `co_id` to the worker in `slot` */
        PLAN_RETIRE, /* tell the idle worker in `slot` to end */
        PLAN_KILL,   /* the worker in `slot` did not start, or did not end, in time */
} PlanActionType;

typedef struct PlanAction {
        PlanActionType type;
        unsigned slot;
        int32_t co_id;
} PlanAction;

typedef struct PlanLimits {
        unsigned workers;             /* at most PLAN_SLOTS_MAX */
        unsigned max_jobs_per_worker; /* a worker is replaced after so many */
        usec_t idle_usec;             /* an idle worker is kept so long */
        usec_t start_usec;            /* a worker must be ready, or gone, within this time */
} PlanLimits;

/* What became of a turn. */
typedef enum PlanTurn {
        PLAN_TURN_EMPTY, /* nothing is left, as far as the worker saw */
        PLAN_TURN_MORE,  /* the CO has more */
} PlanTurn;

typedef struct Plan Plan;

int plan_new(const PlanLimits *limits, Plan **ret);
Plan *plan_free(Plan *plan);
DEFINE_CLEANUP(Plan, plan_free)

/* A reload. Workers above the new number are retired when they are idle. */
void plan_set_limits(Plan *plan, const PlanLimits *limits);

/* Without the database nothing is forked or assigned. */
void plan_set_online(Plan *plan, int is_online);

/* Every worker there is now is replaced, each when it is idle. */
void plan_replace_all(Plan *plan);

/* From here on workers only end. */
void plan_stop(Plan *plan);

/* A look at the queue has found a ready job of the CO: 0, -ENOMEM or -ENOBUFS. */
int plan_co_ready(Plan *plan, int32_t co_id);
/*
 * A notification says so: 0, or PLAN_E_HINTS when it is not followed. Then all hints are forgotten,
 * and none is followed before a look was answered during which there was none too many.
 */
int plan_co_heard(Plan *plan, int32_t co_id);
/* A look at the queue is sent, and is answered. */
void plan_look_begins(Plan *plan);
void plan_look_ends(Plan *plan);

/* Events. */
void plan_forked(Plan *plan, unsigned slot, usec_t now_usec);
void plan_fork_failed(Plan *plan, unsigned slot, usec_t now_usec, uint32_t random);
void plan_ready(Plan *plan, unsigned slot, usec_t now_usec);
void plan_turn_over(Plan *plan, unsigned slot, PlanTurn end, unsigned jobs, usec_t now_usec);
/* The worker in `slot` is to be replaced, when it is idle. */
void plan_replace(Plan *plan, unsigned slot);
/*
 * Its process is gone. `has_left`: it may have left something to be settled. `has_failed`: it ended
 * before it was ready, or for want of the database, and forks wait for a while: those of heirs into
 * this slot when it was an heir, all others otherwise.
 */
void plan_gone(Plan *plan, unsigned slot, int has_left, int has_failed, usec_t now_usec,
               uint32_t random);
/* Nothing that a DYING worker started lives: an heir may be forked. */
void plan_cleared(Plan *plan, unsigned slot, usec_t now_usec);
/* What the dead worker left is settled by its heir: its CO, if it had one, is looked at again. */
void plan_settled(Plan *plan, unsigned slot, usec_t now_usec);

/* The next thing to do now; call until PLAN_NONE. Each action is taken as carried out. */
PlanAction plan_next(Plan *plan, usec_t now_usec);

/* When plan_next() may have something to do without an event; USEC_INFINITY for never. */
usec_t plan_wake(const Plan *plan, usec_t now_usec);

/* A dead worker was in it that is not settled: SLOT_DYING, SLOT_DEAD or SLOT_HEIR. */
int plan_slot_is_unsettled(const Plan *plan, unsigned slot);
SlotState plan_slot_state(const Plan *plan, unsigned slot);
int plan_slot_is_spent(const Plan *plan, unsigned slot); /* ends so that another takes its place */
int32_t plan_slot_co(const Plan *plan, unsigned slot);   /* 0: none */

/* 1 when a CO waits for which there is no worker: turns should end after their share. */
int plan_has_waiting(const Plan *plan);
/* 1 when a worker is at work that is to be replaced: the same. */
int plan_has_spent(const Plan *plan);

/* Slots in use, those that have a CO, and COs that wait. */
unsigned plan_count(const Plan *plan, SlotState state);
unsigned plan_in_use(const Plan *plan);
size_t plan_waiting(const Plan *plan);
