#include "core/cancel.h"

int cancel_begins(CancelCause present, CancelCause next) {
        return next > present;
}

usec_t cancel_wake(const Cancel *cancel, const CancelPolicy *policy) {
        switch (cancel->step) {
        case CANCEL_WORD:
                return policy->grace_usec ? usec_add(cancel->since_usec, policy->grace_usec)
                                          : USEC_INFINITY;
        case CANCEL_TERM:
                return usec_add(cancel->since_usec, policy->kill_usec);
        default:
                return USEC_INFINITY;
        }
}

CancelStep cancel_due(const Cancel *cancel, const CancelPolicy *policy, usec_t now_usec) {
        if (now_usec < cancel_wake(cancel, policy))
                return cancel->step;
        return cancel->step + 1;
}
