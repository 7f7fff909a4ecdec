#include "core/stall.h"

#include "util/macro.h"

usec_t stall_silence(const StallFacts *facts, usec_t now_usec) {
        usec_t last = MAX_OF(facts->began_usec, facts->active_usec);
        return usec_sub(now_usec, MIN_OF(last, now_usec));
}

StallStep stall_step(const StallFacts *facts, int32_t told, usec_t limit_usec, usec_t now_usec) {
        int is_stalled = limit_usec && facts->job > 0 && facts->began_usec &&
                         stall_silence(facts, now_usec) >= limit_usec;

        if (told && (told != facts->job || !is_stalled))
                return STALL_ENDS;
        return is_stalled && !told ? STALL_BEGINS : STALL_NOTHING;
}
