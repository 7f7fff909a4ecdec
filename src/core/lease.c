#include "core/lease.h"

#include "util/macro.h"

#define STATEMENT_MIN_USEC (500 * USEC_PER_MSEC)
#define STEP_MAX_USEC (5 * USEC_PER_SEC)

LeaseTimes lease_times(usec_t lease_usec) {
        usec_t statement = MAX_OF(lease_usec / 6, STATEMENT_MIN_USEC);
        return (LeaseTimes){.statement_usec = statement,
                            .deadline_usec = statement + statement / 2,
                            .connect_usec = statement,
                            .step_usec = MIN_OF(lease_usec / 9, STEP_MAX_USEC)};
}

usec_t lease_stop_at(usec_t end_usec, usec_t lease_usec) {
        return usec_sub(end_usec, lease_usec / 3);
}

usec_t lease_patience(usec_t lease_usec) {
        return usec_add(lease_usec, lease_usec / 16);
}
