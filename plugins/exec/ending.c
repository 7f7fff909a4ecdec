/*
 * Signals are few and each is sent once: a program that was told to end and is told again may take
 * that for impatience and leave its work half done.
 */
#include "exec/ending.h"

#include <signal.h>

Ending ending_begin(usec_t timeout_usec, usec_t now_usec) {
        return (Ending){
                .timeout_usec = timeout_usec ? usec_add(now_usec, timeout_usec) : USEC_INFINITY,
                .kill_usec = USEC_INFINITY,
        };
}

int ending_step(Ending *ending, const EndPolicy *policy, int is_canceled, usec_t now_usec) {
        EndReason before = ending->reason;

        if (now_usec >= ending->kill_usec) {
                ending->kill_usec = USEC_INFINITY;
                return SIGKILL;
        }
        if (is_canceled && before == END_ITSELF)
                ending->reason = END_CANCELED;
        if (now_usec >= ending->timeout_usec) {
                ending->timeout_usec = USEC_INFINITY;
                ending->kill_usec = usec_add(now_usec, policy->kill_after_usec);
                if (ending->reason == END_ITSELF)
                        ending->reason = END_TIMEOUT;
        }
        return before == END_ITSELF && ending->reason != END_ITSELF ? policy->cancel_signal : 0;
}
