/* A resident program as a process: started, ready, and in the end gone. Which job it runs, if any,
 * is resident_run.c's. */
#pragma once

#include "exec/exec_model_private.h"
#include "exec/pipes.h"
#include "exec/program.h"
#include "exec/ready.h"

#define RESIDENT_E_FAILED 1   /* it is not to be had: `why` says it */
#define RESIDENT_E_CANCELED 2 /* there was a cancel before it was ready: it goes on starting */

struct Resident {
        const ExecModel *model; /* the first one that shares it, for what is the process's own */
        Program program;
        Stream output, errors;
        Ready *ready;     /* NULL until it has said so */
        char why[320];    /* what is wrong with what it has said instead, */
        int has_said_why; /* or its own words for that it cannot start */
        usec_t start_end_usec;
        int has_cpu_limit; /* it may have one, of the job before or of whoever started it */
};

/* Nothing is started yet. Returns 0 or -ENOMEM. */
int resident_new(const ExecModel *model, Resident **ret);

/* Kills the program, if it runs, and frees. */
Resident *resident_free(Resident *resident);
DEFINE_CLEANUP(Resident, resident_free)

/* 1 while the program is ready and, as far as can be seen, takes jobs. */
int resident_is_up(const Resident *resident);

/*
 * Starts the program, unless it is up, and waits until it is ready. What it writes meanwhile is
 * logged through `context`, whose control word is looked at. Returns 0, or RESIDENT_E_*; after
 * RESIDENT_E_FAILED nothing of it runs.
 */
int resident_start(Resident *resident, struct rj_context *context, char *why, size_t size);

/*
 * What the program told about a model, for a job: RESIDENT_E_FAILED when it told of others only.
 * *ret is NULL when it told of none.
 */
int resident_find(const Resident *resident, const char *name, const ReadyModel **ret, char *why,
                  size_t size);

/* Kills the program with its group. Returns its wait status, -1 for unknown. */
int resident_end(Resident *resident);
