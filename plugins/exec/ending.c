/*
 * Signals are few and each is sent once: a program that was told to end and is told again may take
 * that for impatience and leave its work half done.
 */
#include "exec/ending.h"

#include <signal.h>

Ending ending_begin(usec_t timeout_usec, usec_t now_usec) {
        return (Ending){
                .timeout_usec = timeout_usec ? usec_add(now_usec, timeout_usec) : USEC_INFINITY,
        };
}

/* The first reason counts, and the farthest step. */
static void advance(Ending *ending, CancelStep step, EndReason reason, usec_t now_usec) {
        if (ending->reason == END_ITSELF)
                ending->reason = reason;
        if (step > ending->cancel.step)
                ending->cancel = (Cancel){.step = step, .since_usec = now_usec};
}

int ending_step(Ending *ending, const EndPolicy *policy, int is_canceled, usec_t now_usec) {
        const CancelPolicy steps = {.kill_usec = policy->kill_after_usec};
        CancelStep before = ending->cancel.step,
                   due = cancel_due(&ending->cancel, &steps, now_usec);

        if (due != before) {
                ending->cancel = (Cancel){.step = due, .since_usec = now_usec};
                return SIGKILL;
        }
        if (is_canceled)
                advance(ending, CANCEL_WORD, END_CANCELED, now_usec);
        if (now_usec >= ending->timeout_usec) {
                ending->timeout_usec = USEC_INFINITY;
                advance(ending, CANCEL_TERM, END_TIMEOUT, now_usec);
        }
        return before == CANCEL_NONE && ending->cancel.step != CANCEL_NONE ? policy->cancel_signal
                                                                           : 0;
}
