/* The life of a worker process: connect, load the plugins, serve turns until told to end. */
#pragma once

#include "core/limit.h"
#include "worker/group.h"
#include "worker/turn.h"

typedef struct WorkerSettings {
        DbSettings db;
        const char *plugin_directory;
        const char *const *load;
        size_t n_load;
        ExecModel *const *exec;
        size_t n_exec;
        const LimitTable *limits; /* as they are at the fork */
        usec_t lease_usec;
        _Atomic int64_t *budget; /* see TurnContext */
        const char *host;
        int log_fd; /* see SupervisorArgs */
        int32_t supervisor_id;
} WorkerSettings;

typedef struct WorkerArgs {
        const WorkerSettings *settings;
        StatusPage *page;
        int channel;       /* the worker's end */
        WorkerGroup group; /* to join */
} WorkerArgs;

/* A SpawnFn; `arg` is a WorkerArgs. Returns an exit code. */
int worker_main(void *arg);

/* A SpawnFn that only opens every plugin: exit code 0, or 78 after logging what is wrong. */
int worker_try_plugins(void *arg);
