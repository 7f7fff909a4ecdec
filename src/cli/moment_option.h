/* Options that are points in time. */
#pragma once

#include "core/moment.h"

/*
 * Reads the option of that name. Returns CLI_OK, or CLI_USAGE after saying what is accepted, and
 * `remark` behind it.
 */
int moment_option(const char *option, const char *text, const char *remark, Moment *ret);

/* Seconds since 1970; a span is counted back from now. */
int64_t moment_past(const Moment *moment);
