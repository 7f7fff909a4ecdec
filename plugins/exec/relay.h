/* What a program says, line by line, handed to the host. */
#pragma once

#include <stddef.h>

#include "exec/verdict.h"
#include "registry-job/plugin.h"

typedef struct Relay {
        struct rj_context *context;
        char summary[VERDICT_SUMMARY_SIZE]; /* the last one given; the host gets it at the end */
} Relay;

/*
 * One line of standard output: a message, or else text for the log. Returns 0, or the negative
 * value of the host function that failed.
 */
int relay_output(Relay *relay, char *line, size_t length);

/* One line of standard error. Returns 0. */
int relay_errors(Relay *relay, char *line, size_t length);
