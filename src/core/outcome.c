#include "core/outcome.h"

#include <stdio.h>
#include <string.h>

static void describe_signal(Outcome outcome, char *text, size_t size) {
        const char *name = sigabbrev_np(outcome.value);
        char number[16];

        if (!name) {
                (void) snprintf(number, sizeof(number), "%d", outcome.value);
                name = number;
        }
        (void) snprintf(text, size, "killed by SIG%s%s", name,
                        outcome.has_core ? ", core dumped" : "");
}

void outcome_describe(Outcome outcome, const char *why, char *text, size_t size) {
        char how[64];

        switch (outcome.kind) {
        case OUTCOME_EXITED:
                (void) snprintf(how, sizeof(how), "exit code %d", outcome.value);
                break;
        case OUTCOME_SIGNALED:
                describe_signal(outcome, how, sizeof(how));
                break;
        default:
                (void) snprintf(how, sizeof(how), "its supervisor died as well");
        }
        if (why)
                (void) snprintf(text, size, "ended by %s (%s)", why, how);
        else
                (void) snprintf(text, size, "terminated unexpectedly (%s)", how);
}
