/*
 * The supervisor's brain: which CO gets which worker, when a worker is forked or retired, and when
 * to look again. It knows no process, clock or database: events and the time come in, actions go
 * out.
 *
 * A CO waits (in the order in which it was heard of), or has a worker, or is not known here. A slot
 * holds at most one worker:
 *
 *   EMPTY --spawned--> STARTING --started--> IDLE --assigned--> BUSY --turn over--> IDLE
 *     ^                    |                   |                  |
 *     |                    +--------- gone ----+------ gone ------+
 *     +---- settled ---- DEAD <----------------+
 *     +---- settled ---- LEFT  (DEAD with its lane free, but not all of its history written)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/backoff.h"
#include "util/macro.h"

#define PLAN_SLOTS_MAX 256
#define PLAN_COS_MAX 100000 /* more notifications than that are somebody's mistake */

typedef enum SlotState {
        SLOT_EMPTY,
        SLOT_STARTING, /* forked, not ready */
        SLOT_IDLE,
        SLOT_BUSY,
        SLOT_RETIRING, /* told to end, without a CO */
        SLOT_DEAD,     /* its process is gone, what it left is not settled */
        SLOT_LEFT,     /* the same, but its lane is free: only history is left to be written */
        _SLOT_STATE_MAX,
} SlotState;

typedef enum PlanActionType {
        PLAN_NONE,
        PLAN_SPAWN,  /* fork a worker into `slot` */
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
        PLAN_TURN_HELD,  /* somebody else has the lane */
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

/* Events. plan_co_ready() returns -ENOMEM or -ENOBUFS. */
int plan_co_ready(Plan *plan, int32_t co_id);
void plan_spawned(Plan *plan, unsigned slot, usec_t now_usec);
void plan_spawn_failed(Plan *plan, usec_t now_usec, uint32_t random);
void plan_started(Plan *plan, unsigned slot, usec_t now_usec);
void plan_turn_over(Plan *plan, unsigned slot, PlanTurn end, unsigned jobs, usec_t now_usec);
/* The worker in `slot` is to be replaced, when it is idle. */
void plan_replace(Plan *plan, unsigned slot);
/* Its process is gone: `has_failed` when it ended before it was ready, or for want of the database.
 */
void plan_gone(Plan *plan, unsigned slot, int has_failed, usec_t now_usec, uint32_t random);
/* Its lane is free: its CO, if it had one, is looked at again; the slot is not free yet. */
void plan_co_released(Plan *plan, unsigned slot);
/* What it left is settled: its CO, if it had one, is looked at again. */
void plan_settled(Plan *plan, unsigned slot);

/* The next thing to do now; call until PLAN_NONE. Each action is taken as carried out. */
PlanAction plan_next(Plan *plan, usec_t now_usec);

/* When plan_next() may have something to do without an event; USEC_INFINITY for never. */
usec_t plan_wake(const Plan *plan, usec_t now_usec);

int plan_slot_is_dead(const Plan *plan, unsigned slot); /* SLOT_DEAD or SLOT_LEFT */
SlotState plan_slot_state(const Plan *plan, unsigned slot);
int plan_slot_is_spent(const Plan *plan, unsigned slot); /* ends so that another takes its place */
int32_t plan_slot_co(const Plan *plan, unsigned slot);   /* 0: none */

/* 1 when a CO waits for which there is no worker: turns should end after their share. */
int plan_has_waiting(const Plan *plan);

/* Slots in use, those that have a CO, and COs that wait. */
unsigned plan_count(const Plan *plan, SlotState state);
unsigned plan_in_use(const Plan *plan);
size_t plan_waiting(const Plan *plan);
