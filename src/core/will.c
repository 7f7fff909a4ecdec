#include "core/will.h"

#include <stdio.h>
#include <string.h>

void will_write(Will *will, Outcome outcome, const char *why, const JobUsage *usage) {
        outcome_describe(outcome, why, will->summary, sizeof(will->summary));
        (void) snprintf(will->account, sizeof(will->account), "%s", will->summary);
        will->usage = *usage;
        outcome_add_usage(usage, will->account, sizeof(will->account));
}

void will_add_pid(Will *will, int32_t pid) {
        if (will->n_pids == WILL_PIDS_MAX)
                memmove(will->pids, will->pids + 1, --will->n_pids * sizeof(will->pids[0]));
        will->pids[will->n_pids++] = pid;
}
