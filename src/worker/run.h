/*
 * One job from Assigned to the words for its finish: model and parameters are checked, the row says
 * In Progress, the plugin runs. Finishing it is the caller's, together with what comes next.
 */
#pragma once

#include "exec/residents.h"
#include "worker/count.h"
#include "worker/host.h"
#include "worker/residue.h"
#include "worker/watch.h"
#include "worker/worker_cgroup.h"

/* Exit codes of a worker; the supervisor tells from them whether it is worth trying again soon. */
enum {
        WORKER_EXIT_OK = 0,
        WORKER_EXIT_FAILED = 1,       /* memory, or a bug */
        WORKER_EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: the database was not to be reached */
        WORKER_EXIT_NO_THREAD = 70,   /* EX_SOFTWARE: a plugin ended the worker's own thread */
        WORKER_EXIT_LOST = 75,        /* EX_TEMPFAIL: it must be looked at what it really holds */
        WORKER_EXIT_CONFIG = 78,      /* EX_CONFIG: plugins could not be loaded */
};

#define RUNNER_CALLED 64u /* far more than can be undone by a failover */

typedef struct Opening Opening; /* see opening.h */

/* What a worker has in hand, whichever job it runs. */
typedef struct Runner {
        const Catalog *catalog;
        Session session;
        StatusPage *page;
        const Orders *orders;
        Watch *watch;
        WorkerCgroup *cgroup; /* NULL: none */
        const LimitTable *limits;
        Recorder recorder;
        Holder holder;
        Residue *residue;
        Opening *openings;    /* plugins that were opened, the last one first */
        Residents *residents; /* NULL: no model has a resident program */
        Counted counted;
        int is_trouble_told;           /* to the supervisor: what is sent to the database fails */
        uint32_t untold;               /* failed jobs of which it could not be told */
        int32_t called[RUNNER_CALLED]; /* jobs whose plugins were called last, 0: none */
        unsigned n_called;
} Runner;

/* 1 when the plugin of that job was called by this runner, not too long ago. */
int runner_has_called(const Runner *runner, int32_t job_id);

typedef struct RunResult {
        int is_settled; /* somebody else ended the job before the plugin was called */
        JobEvent event; /* REJECT, FINISH_OK, FINISH_FAILED */
        JobState status;
        char summary[SUMMARY_SIZE];
        usec_t run_usec; /* in the plugin; 0: it was not called */
        int is_worn;     /* the plugin left something behind: this process runs no other job */
} RunResult;

/* Tells runner->residue which descriptors lead to resident programs now. */
void runner_expect_fds(Runner *runner);

/* Returns 0 with `ret` filled in, or DB_E_* or -errno where the job could not be started. */
int run_job(Runner *runner, const Job *job, RunResult *ret);

/*
 * Hands the limits of external programs over to them: they do not run in this process. Then makes
 * the set of those that are resident. Returns 0 or -ENOMEM.
 */
int runner_prepare_programs(Runner *runner, ExecModel *const *exec, size_t n);

/* The statement that makes the job In Progress, with the words for its start. */
void run_start_add(const Runner *runner, const Job *job, Batch *batch);

/*
 * A pause before the database is tried again, once more for each of `failures` (from 1) in a row.
 * Returns 0 when there were too many. The supervisor ends us when its lease lapses: the number only
 * bounds a database that refuses this worker alone.
 */
int runner_wait(Runner *runner, unsigned failures);

/* Tells the supervisor what fails, without waiting; "": it does not any more. */
void runner_tell_trouble(Runner *runner, const char *words);

/*
 * The job is Failed: tells the supervisor, if a hook wants to know, and without waiting. What finds
 * no room is counted, and told with the next one.
 */
void runner_tell_failed(Runner *runner, int32_t job_id);

/* The database has taken what was sent: ends what runner_wait() has told the supervisor of. */
void runner_note_success(Runner *runner);
