#include "core/share.h"

#define LOOK_INTERVAL_USEC (USEC_PER_SEC / 2)

int share_may_go_on(const TurnState *turn, const Share *limits, int others_wait, usec_t now_usec) {
        if (!others_wait)
                return 1;
        return turn->jobs < limits->max_jobs &&
               now_usec < usec_add(turn->began_usec, limits->max_usec);
}

int32_t share_claim_bound(const TurnState *turn, usec_t now_usec) {
        return now_usec < usec_add(turn->looked_usec, LOOK_INTERVAL_USEC) ? turn->last_id : 0;
}
