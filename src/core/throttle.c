/* An interval begins with the first event that comes after the one before is over. */
#include "core/throttle.h"

int throttle_pass(Throttle *throttle, unsigned limit, usec_t interval_usec, usec_t now_usec) {
        if (!throttle->since_usec || usec_sub(now_usec, throttle->since_usec) >= interval_usec) {
                throttle->since_usec = now_usec;
                throttle->passed = 0;
        }
        if (throttle->passed < limit) {
                throttle->passed++;
                return 1;
        }
        throttle->held++;
        return 0;
}

uint64_t throttle_take_held(Throttle *throttle) {
        uint64_t held = throttle->held;
        throttle->held = 0;
        return held;
}
