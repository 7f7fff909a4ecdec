/*
 * What a slot of the pool does at which event, as a table. A slot holds at most one worker:
 *
 *   EMPTY --forked--> STARTING --ready--> IDLE --assigned--> BUSY --turn over--> IDLE
 *     ^                   ^ |              |                   |
 *     |                   | +---- died ----+------- died ------+--> DYING
 *     +---- ended --------+----------------+                          |
 *     (nothing is left)   |                                        cleared
 *                      settled                                        v
 *                         +------------- HEIR <------ forked ------- DEAD
 *
 * Left out above: an IDLE one may be retired (RETIRING), and ends or dies; an HEIR may die, too.
 */
#pragma once

typedef enum SlotState {
        _SLOT_NONE, /* "does not happen", in the table of events */
        SLOT_EMPTY,
        SLOT_STARTING, /* forked, not ready */
        SLOT_IDLE,
        SLOT_BUSY,
        SLOT_RETIRING, /* told to end, without a CO */
        SLOT_DYING,    /* its process is gone, what that started may live */
        SLOT_DEAD,     /* nothing of it lives, what it left waits for an heir */
        SLOT_HEIR,     /* an heir settles what it left */
        _SLOT_STATE_MAX,
} SlotState;

typedef enum SlotEvent {
        SLOT_EV_FORKED,
        SLOT_EV_READY,
        SLOT_EV_ASSIGNED,
        SLOT_EV_TURN_OVER,
        SLOT_EV_RETIRED,
        SLOT_EV_ENDED,   /* its process is gone, and left nothing */
        SLOT_EV_DIED,    /* its process is gone, and may have left something */
        SLOT_EV_CLEARED, /* nothing that it started lives any more */
        SLOT_EV_SETTLED, /* its heir has settled job and lane */
        _SLOT_EVENT_MAX,
} SlotEvent;

/* The state after `event`, or _SLOT_NONE when that does not happen in this state. */
SlotState slot_after(SlotState state, SlotEvent event);
