/*
 * What a dead worker, or a whole dead supervisor, left to be settled, and who it was. The
 * supervisor writes a will; the heir, or a settler, carries it out (worker/heir.h).
 */
#pragma once

#include "core/history.h"
#include "core/outcome.h"

#define WILL_PIDS_MAX 8

typedef struct Will {
        int32_t supervisor_id;
        /* The one worker, named by PID and start ticks; PID 0: every worker of the supervisor. */
        int32_t pid;
        int64_t start_ticks;
        /* The job that its turn recorded last, whether it holds a lane for it or not; 0: none. */
        int32_t job_id;
        /*
         * Whose history records may lie in the ring: this worker's, and those of the workers before
         * it whose records could not be written yet.
         */
        int32_t pids[WILL_PIDS_MAX];
        unsigned n_pids;
        char summary[SUMMARY_SIZE]; /* how it ended, for the job */
        char account[SUMMARY_SIZE]; /* also what it used, for a history record */
        JobUsage usage;
        usec_t died_usec;
        unsigned tries; /* heirs that could not carry it out */
        /* Of a whole supervisor. */
        int64_t token;    /* its row has, unless others were faster */
        int64_t renewals; /* its row has, unless it has come back */
        int has_lapsed;   /* it has not renewed its row for its lease */
        int is_here;      /* on this host and boot: its workers can be looked at */
} Will;

/* Fills in how the worker ended, and what it used; `why` as for outcome_describe(). */
void will_write(Will *will, Outcome outcome, const char *why, const JobUsage *usage);

/* One more PID whose records may lie in the ring; the oldest is forgotten where there are many. */
void will_add_pid(Will *will, int32_t pid);
