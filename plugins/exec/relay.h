/* What a program says, line by line, handed to the host. */
#pragma once

#include <stddef.h>

#include "exec/last_lines.h"
#include "exec/message.h"
#include "exec/verdict.h"
#include "registry-job/plugin.h"

#define RELAY_E_LONG 1      /* a message of more bytes than the limit */
#define RELAY_E_MANY 2      /* one message more than the limit */
#define RELAY_E_MALFORMED 3 /* a line of the job that is no message: `why` of the relay says it */
#define RELAY_E_END 4       /* the program has said that the job is over */

#define RELAY_ERRORS_KEY "standard error"

typedef struct Relay {
        struct rj_context *context;
        OutputLimits limits;
        size_t messages, logged, dropped;   /* so far */
        char summary[VERDICT_SUMMARY_SIZE]; /* the last one given; the host gets it at the end */
        LastLines errors;                   /* of standard error */
        /* Of a resident program: */
        int32_t job;    /* whose lines count; 0: none do */
        size_t foreign; /* lines of other jobs, or of none, so far */
        size_t shown;   /* of those of none, in the log */
        MessageEnd end; /* the job's */
        char why[200];
} Relay;

/* The functions for lines are LineFns; `to` is a Relay. */

/*
 * One line of standard output: a message, or else text for the log. `is_cut`: it was longer than
 * the limit, and this is its beginning. Returns 0, RELAY_E_*, or the negative value of the host
 * function that failed.
 */
int relay_output(void *to, char *line, size_t length, int is_cut);

/*
 * One line of a resident program. What is of another job, or of no job that can be seen, is
 * dropped; so that a process which one job left behind can speak for no other. A line that begins
 * with the job's number has to be a message. Returns as relay_output().
 */
int relay_resident(void *to, char *line, size_t length, int is_cut);

/* One line of standard error. Returns 0. */
int relay_errors(void *to, char *line, size_t length, int is_cut);

/*
 * The job is over: as verdict_reach(), which is told the last line of standard error. When the job
 * has failed, the last lines become a history record, with the key RELAY_ERRORS_KEY. Returns as
 * exec_run().
 */
int relay_judge(Relay *relay, EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]);

/* Nothing more comes: says in the log how many lines were dropped, if any were. */
void relay_finish(Relay *relay);
