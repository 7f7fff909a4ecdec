/*
 * Ending a process that is asked to first: the word, SIGTERM, SIGKILL. What is due when is decided
 * in core/cancel.h, also for external programs (plugins/exec/ending.h), whose signals go over their
 * pidfd; this sends the signals to workers, and to the child of `registry-job -s`.
 */
#pragma once

#include <sys/types.h>

#include "core/cancel.h"

/*
 * Takes the step that is due, if one is, and sends its signal to the process group of `pid` and to
 * `pid` itself. Returns when to look again; USEC_INFINITY when nothing comes by itself.
 */
usec_t escalate(Cancel *cancel, const CancelPolicy *policy, pid_t pid, usec_t now_usec);

/* Takes a step at once, whether it is due or not; never back. */
void escalate_to(Cancel *cancel, CancelStep step, pid_t pid, usec_t now_usec);
