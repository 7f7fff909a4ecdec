/* From the way a program, or the job of a resident one, ended to result and summary. Pure. */
#pragma once

#include <stddef.h>

#include "exec/ending.h"
#include "exec/message.h"

#define VERDICT_SUMMARY_CHARS 256                              /* of the column */
#define VERDICT_SUMMARY_SIZE (4 * VERDICT_SUMMARY_CHARS + 128) /* with a word before and after */

/* Of what a program writes to its two outputs together. */
typedef struct OutputLimits {
        size_t line_bytes;   /* a longer message ends the program; of longer text the rest is cut */
        size_t messages;     /* one more ends the program */
        size_t logged_lines; /* of text; more are counted, and dropped */
} OutputLimits;

/* What is known when a program has ended. */
typedef struct EndFacts {
        EndReason reason;
        int status; /* from waitpid(), -1 for unknown */
        const char *path;
        OutputLimits limits;   /* for the words */
        const char *timeout;   /* as configured, for the words */
        const char *summary;   /* the program's own, "" when it gave none */
        const char *last_line; /* of standard error, "" for none: in place of a summary */
        int is_resident;       /* only what follows makes its job Complete */
        MessageEnd end;        /* of the job, as the program gave it */
        const char *why;       /* END_MALFORMED: what is wrong with the line */
        uint64_t cpu_seconds;
} EndFacts;

/* Returns RJ_OK, RJ_FAILED or RJ_CANCELED, and writes the summary; "" when there is none. */
int verdict_reach(const EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]);

/*
 * How a program ended, as a sentence behind its name; `when` stands behind it, where the end is
 * known. `status` is from waitpid(), -1 for unknown.
 */
void verdict_describe_end(int status, const char *when, char *words, size_t size);
