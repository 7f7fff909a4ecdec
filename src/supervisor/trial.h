/*
 * Opens the plugins of a configuration, or starts its Registry, in a child, because no code of
 * theirs runs in the supervisor.
 * The child logs through its parent: the journal knows which service a line belongs to only while
 * the process that wrote it is there, and this one ends with its last line. It also lists the
 * models that it found.
 */
#pragma once

#include <jansson.h>

#include "supervisor/supervisor.h"
#include "worker/worker.h"

#define TRIAL_WHY_SIZE SUPERVISOR_WHY_SIZE

typedef struct Trial {
        pid_t pid; /* 0: none */
        int fd;    /* what the child has to say */
        int models_fd;
} Trial;

/* What the child does: worker_try_plugins() or the like. Returns its exit code. */
typedef int TrialFn(const WorkerSettings *settings, int models_fd);

/* Forks the child: its exit code is 0, or 78 when something cannot be opened. Returns 0 or -errno.
 */
int trial_fork(TrialFn *fn, const WorkerSettings *settings, Trial *ret);

/*
 * Once the child has ended: logs what it has said, and forgets it. Returns the models that it has
 * listed (plugin/listing.h), a new reference; NULL when there are none, as after a failure.
 * `why` gets what it has written in their place as {"failed": words}, or "".
 */
json_t *trial_end(Trial *trial, char why[TRIAL_WHY_SIZE]);

/* The same, of a child about which nobody wants to know anything any more. */
void trial_forget(Trial *trial);

/*
 * 0 when the child has listed its models; otherwise an exit code, with words in `why`, unless it
 * has them already.
 */
int trial_judge(int wait_status, const json_t *models, char why[TRIAL_WHY_SIZE]);

/*
 * All of it, waiting for the child so long: 0, with the models that it has listed (a new
 * reference), or an exit code with words in `why`. `what` names it there. Not for a process that
 * reaps its children elsewhere.
 */
int trial_run(TrialFn *fn, const WorkerSettings *settings, usec_t limit_usec, const char *what,
              json_t **ret, char why[TRIAL_WHY_SIZE]);
