/*
 * The first member of an external program's process group. A worker can be killed at any moment,
 * and the kernel then kills the program (PR_SET_PDEATHSIG), but not the program's own children: a
 * shell script would be gone, and what it had called would run on, side by side with the next job
 * of the CO. The guard does nothing but wait for the worker's end, and then kill the group. As its
 * leader it also keeps the group's number from being given to others.
 */
#pragma once

#include <sys/types.h>

/*
 * Forks the guard; the caller has all signals blocked, and so has the guard, which is therefore
 * not ended by a signal to the group other than SIGKILL. Returns 0 or -errno.
 */
int guard_start(pid_t *ret);
