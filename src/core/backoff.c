#include "core/backoff.h"

usec_t backoff_delay(const Backoff *policy, unsigned failures, uint32_t random) {
        usec_t delay = policy->first_usec;

        for (unsigned i = 1; i < failures && delay < policy->max_usec; i++)
                delay *= 2;
        if (delay > policy->max_usec)
                delay = policy->max_usec;
        return delay - delay / 4 * (random % 1024) / 1024;
}
