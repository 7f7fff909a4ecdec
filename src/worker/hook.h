/* The child that tells a hook of jobs that failed for good, one after another. */
#pragma once

#include "exec/exec_model.h"
#include "worker/worker.h"

typedef struct HookArgs {
        const WorkerSettings *settings;
        const ExecModel *model; /* the program, and how long it may run */
        const char *instance;   /* of this daemon */
        int channel;
        const int32_t *ids;
        size_t n;
} HookArgs;

/*
 * A SpawnFn; `arg` is a HookArgs. Sends a CHANNEL_HOOKED for each job, also for one that did not
 * fail for good, as soon as it is done with. Exit code 0, or 69 when the jobs could not be read.
 */
int hook_main(void *arg);
