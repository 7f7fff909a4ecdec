/* How a process ended, in words for a finish summary. */
#pragma once

#include <stddef.h>

typedef enum OutcomeKind {
        OUTCOME_EXITED,
        OUTCOME_SIGNALED,
        OUTCOME_UNKNOWN, /* nobody waited for it: its supervisor died as well */
} OutcomeKind;

typedef struct Outcome {
        OutcomeKind kind;
        int value; /* exit code or signal */
        int has_core;
} Outcome;

/*
 * "terminated unexpectedly (killed by SIGSEGV, core dumped)"; with the reason that we had to end it
 * ourselves in `why`, "ended by shutdown (killed by SIGTERM)".
 */
void outcome_describe(Outcome outcome, const char *why, char *text, size_t size);
