/*
 * [hooks]: a program is told of each job that failed for good. Whoever makes a job Failed says so
 * on its channel; a bounded number of jobs waits here, and one child at a time tells of them
 * (worker/hook.h). No lane is held and no worker waits meanwhile: what the program does costs no
 * job anything. A job is told at most once: what finds no room, what a child has not done when it
 * dies, and what is left at the end are dropped, and said with their number.
 */
#pragma once

#include <ev.h>

#include "core/hook_queue.h"
#include "ipc/channel.h"

typedef struct Supervisor Supervisor;

typedef struct Hooks {
        HookQueue queue;
        pid_t pid;   /* 0: no child */
        int channel; /* valid while there is one */
        ev_io io;
        unsigned given, done; /* jobs of the child */
        usec_t patience_usec; /* for one job of that child */
        usec_t deadline_usec; /* of the child; USEC_INFINITY: it was killed */
        usec_t next_usec;     /* no child before */
        usec_t stop_usec;     /* a stop waits so long; 0: there is none that does */
} Hooks;

/* A job has failed, if the word of a worker is true; `untold` more have, it says. */
void hooks_note_failed(Supervisor *s, int32_t job_id, uint32_t untold);

/* Forks a child when there is something to be told, and ends one that takes too long. Returns when
 * to look again. */
usec_t hooks_check(Supervisor *s, usec_t now_usec);

/* The child has ended. */
void hooks_end_child(Supervisor *s, int wait_status);

/*
 * Everything else has stopped: 1 when nothing is left to be told. Waits a moment for it, and then
 * gives it up.
 */
int hooks_are_over(Supervisor *s, usec_t now_usec);

/* At the very end: kills a child that is left. */
void hooks_abandon(Supervisor *s);
