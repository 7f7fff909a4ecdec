#include "process/escalation.h"

#include <signal.h>

#include "process/spawn.h"

void escalate_to(Cancel *cancel, CancelStep step, pid_t pid, usec_t now_usec) {
        if (step <= cancel->step)
                return;
        *cancel = (Cancel){.step = step, .since_usec = now_usec};
        if (step == CANCEL_TERM || step == CANCEL_KILL)
                spawn_signal(pid, step == CANCEL_TERM ? SIGTERM : SIGKILL);
}

usec_t escalate(Cancel *cancel, const CancelPolicy *policy, pid_t pid, usec_t now_usec) {
        escalate_to(cancel, cancel_due(cancel, policy, now_usec), pid, now_usec);
        return cancel_wake(cancel, policy);
}
