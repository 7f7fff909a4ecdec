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

#include <ev.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "worker/children.h"

typedef struct ReaperEvents {
        /* A child has ended, perhaps one that nobody knows. */
        void (*on_child)(pid_t pid, int wait_status, const struct rusage *usage, void *userdata);
        /* 1 for a child that may live. */
        int (*is_known)(pid_t pid, void *userdata);
        /* There were orphans, and none is left. */
        void (*on_orphans_gone)(void *userdata);
        void *userdata;
} ReaperEvents;

typedef struct Reaper {
        struct ev_loop *loop;
        ReaperEvents events;
        ev_signal signal;
        Strangers strangers;
        size_t orphans; /* that have been killed, and not yet waited for */
} Reaper;

void reaper_init(Reaper *reaper, struct ev_loop *loop, const ReaperEvents *events);
void reaper_done(Reaper *reaper);

/* 1 while a process that a dead worker left may still be alive. */
int reaper_has_orphans(const Reaper *reaper);
