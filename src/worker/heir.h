/*
 * The heir: carries out the will of a dead worker on its own connection, blocking, before it serves
 * as an ordinary worker. What is tried in which order, and when it is given up, is decided in
 * core/inheritance.h. The same functions settle what dead supervisors left, in a process without a
 * lane (worker/worker.h), and the job of `registry-job -s` (cli/run_now.c).
 */
#pragma once

#include "core/inheritance.h"
#include "core/will.h"
#include "ipc/channel.h"
#include "worker/recorder.h"

#define HEIR_JOBS_MAX 256 /* that a will may be about: one for each lane of a supervisor */

#define HEIR_E_RESIGNED 90 /* not settled in time; beside DB_E_* and RECORDER_E_* */

/* How a job ended, to be noted in its history. */
typedef struct HeirNote {
        int32_t job_id;
        int32_t id;      /* reserved for the record; 0: not yet */
        int is_canceled; /* noted at most once, by whoever knows */
} HeirNote;

typedef struct Heir {
        Will will;
        Session *session;
        Recorder *recorder; /* NULL: no ring was left */
        const char *host;
        Inheritance state;
        HeirNote notes[HEIR_JOBS_MAX];
        size_t n_notes;
        int is_condemned; /* the dead supervisor has lost its token */
        int has_warned;   /* that something was refused */
        /* Done since the last report, see ChannelMessage. */
        uint32_t settled, canceled;
        uint64_t lost;
} Heir;

/* `patience_usec`: for the settlement. The pointers must outlive the heir. */
void heir_init(Heir *heir, const Will *will, Session *session, Recorder *recorder, const char *host,
               usec_t patience_usec);

/*
 * Settles, and tries everything else once. Returns 0, or HEIR_E_RESIGNED: then the will waits for
 * another heir.
 */
int heir_settle(Heir *heir);

/* Between two turns: tries again what the server refused, if it is time. */
void heir_try_rest(Heir *heir);

/* For a process that serves no turns: tries the rest for so long, and then gives it up. */
void heir_finish(Heir *heir, usec_t patience_usec);

/* When heir_try_rest() has something to do; USEC_INFINITY: never. */
usec_t heir_wake(const Heir *heir);

/* Moves what was done since the last report to the message. */
void heir_report(Heir *heir, ChannelMessage *message);
