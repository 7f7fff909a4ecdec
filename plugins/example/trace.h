/*
 * The trace file: one line when run() begins and one when it returns, so that a checker can prove
 * afterwards that no two jobs of a CO ever ran at the same time.
 *
 *   begin JOB CO PID START_TICKS MONOTONIC_USEC
 *   end JOB CO PID START_TICKS MONOTONIC_USEC REASON
 *
 * START_TICKS says when the process began, as /proc/PID/stat has it: a PID alone is given away
 * again.
 */
#pragma once

#include "registry-job/plugin.h"

/*
 * Adds a line to `path`; NULL means that no trace is wanted, and a NULL `reason` is left out.
 * Returns RJ_OK, or RJ_FAILED with the job's summary set.
 */
int trace_write(struct rj_context *ctx, const char *path, const char *event, const char *reason);

/* The word for what run() returned. */
const char *trace_reason(int result);
