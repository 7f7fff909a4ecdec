#include "core/backoff.h"

#include <limits.h>

usec_t backoff_delay(const Backoff *policy, unsigned failures, uint32_t random) {
        usec_t delay = policy->first_usec;

        for (unsigned i = 1; i < failures && delay < policy->max_usec; i++)
                delay *= 2;
        if (delay > policy->max_usec)
                delay = policy->max_usec;
        return delay - delay / 4 * (random % 1024) / 1024;
}

unsigned backoff_count(const Backoff *policy, unsigned failures, usec_t stayed_usec) {
        unsigned before = stayed_usec >= policy->max_usec ? 0 : failures;

        return before < UINT_MAX ? before + 1 : before;
}
