/* The life of a worker process: connect, settle as an heir, load the plugins, serve turns. */
#pragma once

#include "core/limit.h"
#include "core/will.h"
#include "worker/turn.h"
#include "worker/worker_cgroup.h"

typedef struct WorkerSettings {
        DbSettings db;
        const char *plugin_directory;
        const char *const *load;
        size_t n_load;
        ExecModel *const *exec;
        size_t n_exec;
        const LimitTable *limits; /* as they are at the fork */
        usec_t lease_usec;
        usec_t start_usec;       /* a worker is killed that is not ready by then */
        _Atomic int64_t *budget; /* see TurnContext */
        const char *host;
        int log_fd; /* see SupervisorArgs */
        int32_t supervisor_id;
        int32_t generation; /* of the models: supervisor_models_add() */
} WorkerSettings;

/* The descriptors are the worker's own from the fork on. */
typedef struct WorkerArgs {
        const WorkerSettings *settings;
        int orders_fd, status_fd; /* closed before a plugin is loaded */
        int channel;              /* the worker's end */
        WorkerCgroup cgroup;      /* to join */
        const Will *will;         /* of the worker before it, or NULL */
} WorkerArgs;

/* A SpawnFn; `arg` is a WorkerArgs. Returns an exit code. */
int worker_main(void *arg);

/* What dead supervisors left, and lanes that nobody living holds. */
typedef struct SettlerArgs {
        const WorkerSettings *settings;
        int channel;
        const Will *wills;
        size_t n;
        int tells_failed; /* a hook wants to know of jobs that failed */
} SettlerArgs;

/*
 * A SpawnFn; `arg` is a SettlerArgs. Tries each will once, in a process that takes no lane. Sends a
 * CHANNEL_SETTLED for each, whose `jobs` is the number of the will. Exit code 0, or 75 when some
 * have to be tried again.
 */
int settler_main(void *arg);

/*
 * Opens every plugin, and writes the models to a file (plugin/listing.h), or {"failed": words}.
 * Returns exit code 0 or 78. For a process of its own.
 */
int worker_try_plugins(const WorkerSettings *settings, int models_fd);
