/* From the way a program ended to the job's result and summary. Pure. */
#pragma once

#include "exec/ending.h"
#include "exec/line_buffer.h"

#define VERDICT_SUMMARY_CHARS 256                              /* of the column */
#define VERDICT_SUMMARY_SIZE (4 * VERDICT_SUMMARY_CHARS + 128) /* with a word before and after */

/* What is known when a program has ended. */
typedef struct EndFacts {
        EndReason reason;
        int status; /* from waitpid(), -1 for unknown */
        const char *path;
        LineLimits limits;   /* for the words */
        const char *timeout; /* as configured, for the words */
        const char *summary; /* the program's own, "" when it gave none */
} EndFacts;

/* Returns RJ_OK, RJ_FAILED or RJ_CANCELED, and writes the summary; "" when there is none. */
int verdict_reach(const EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]);
