/* fork() without exec, done right: see src/README.md, "A worker is born". */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "core/outcome.h"
#include "util/process.h"

typedef int (*SpawnFn)(void *arg);

/*
 * Forks a child that runs `fn(arg)` and ends with what it returns; it never returns into the
 * caller. The child has default signals, but for those that writer_prepare() has ignored, an empty
 * mask, a session of its own, dies (SIGKILL) with
 * its parent, and keeps of the parent's descriptors only 0 to 2 and `keep` (-1 entries are
 * skipped). Returns 0 or -errno in the parent, which does not ignore SIGCHLD from then on.
 */
int spawn_child(SpawnFn fn, void *arg, const int *keep, size_t n_keep, pid_t *ret);

#define SPAWN_E_TIMEOUT 1

/*
 * Waits for a child's end. SPAWN_E_TIMEOUT when it took longer than that, and was killed; -errno.
 * Not for a process that reaps its children elsewhere.
 */
int spawn_wait(pid_t pid, usec_t limit_usec, int *ret_status);

/* What wait(2) gave, decoded. */
Outcome spawn_outcome(int wait_status);

/* Sends a signal to the child's process group and to itself: just forked, it may have no group yet.
 */
void spawn_signal(pid_t pid, int signal);

/*
 * A child that has ended and was not waited for; 0 when there is none, -errno when there are no
 * children. It keeps its number until spawn_reap(): its process group can be nobody else's.
 */
pid_t spawn_ended(void);

/* Waits for the one that spawn_ended() named; `has_group`: kills what is left of its group first.
 */
void spawn_reap(pid_t pid, int has_group, int *ret_status, struct rusage *ret_usage);
