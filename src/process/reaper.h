/*
 * The one place where children are waited for. The loop is not libev's default one, which would
 * reap every child itself and lose what it has used.
 *
 * A plugin may leave processes behind. This process is the subreaper of all of them: those in the
 * process group of a dead worker are killed before the worker's PID is free for others, those
 * that left the group become our children, and are killed as such. Children that were there before
 * us are not ours to kill; and the first process of a container leaves all of its children alone
 * but the groups of its workers.
 */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "process/children.h"

typedef struct Reaper {
        Strangers strangers;
        size_t orphans; /* that have been killed, and not yet waited for */
} Reaper;

/* A child of ours that has ended. */
typedef struct Death {
        pid_t pid;
        int wait_status; /* as wait(2) gives it */
        struct rusage usage;
} Death;

/* From here on this process is the subreaper of its descendants. */
void reaper_init(Reaper *reaper);

/*
 * The next child of ours that has ended, perhaps one that nobody knows; 0 when there is none. Kills
 * what it left. `known` are the children that may live.
 */
int reaper_next(Reaper *reaper, const pid_t *known, size_t n_known, Death *ret);

/* 1 while a process that a dead worker left may still be alive. */
int reaper_has_orphans(const Reaper *reaper);
