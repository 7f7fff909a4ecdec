/* Calls of host functions that must be refused: with the context of a job that is over. */
#pragma once

#include "registry-job/plugin.h"

#define CALLERS_WORDS "of a thread that was left"

/* Calls every host function that a job has; returns how many of the calls were not refused. */
int callers_call_all(struct rj_context *ctx);
