#include "core/slot.h"

/* What is not here does not happen: a message that a plugin forged, for example. */
static const SlotState after[_SLOT_STATE_MAX][_SLOT_EVENT_MAX] = {
        [SLOT_EMPTY] = {[SLOT_EV_FORKED] = SLOT_STARTING},
        [SLOT_STARTING] = {[SLOT_EV_READY] = SLOT_IDLE,
                           [SLOT_EV_ENDED] = SLOT_EMPTY,
                           [SLOT_EV_DIED] = SLOT_DYING},
        [SLOT_IDLE] = {[SLOT_EV_ASSIGNED] = SLOT_BUSY,
                       [SLOT_EV_RETIRED] = SLOT_RETIRING,
                       [SLOT_EV_ENDED] = SLOT_EMPTY,
                       [SLOT_EV_DIED] = SLOT_DYING},
        [SLOT_BUSY] = {[SLOT_EV_TURN_OVER] = SLOT_IDLE, [SLOT_EV_DIED] = SLOT_DYING},
        [SLOT_RETIRING] = {[SLOT_EV_ENDED] = SLOT_EMPTY, [SLOT_EV_DIED] = SLOT_DYING},
        [SLOT_DYING] = {[SLOT_EV_CLEARED] = SLOT_DEAD},
        [SLOT_DEAD] = {[SLOT_EV_FORKED] = SLOT_HEIR},
        [SLOT_HEIR] = {[SLOT_EV_SETTLED] = SLOT_STARTING, [SLOT_EV_DIED] = SLOT_DYING},
};

SlotState slot_after(SlotState state, SlotEvent event) {
        return after[state][event];
}
