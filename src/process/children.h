/*
 * Processes that a plugin has started and left. They end with the job: a worker adopts what its
 * descendants leave behind, so that none of them gets away.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define STRANGERS_MAX 512

/*
 * Children that are left alone: those of the program that became this one by exec, such as a shell,
 * which we did not start; in a worker its resident programs, which end with it and not with a job.
 */
typedef struct Strangers {
        pid_t pids[STRANGERS_MAX];
        size_t n;
} Strangers;

/* All children that there are now. */
void strangers_note(Strangers *strangers);

/* 1 when `pid` is one of them. */
int strangers_have(const Strangers *strangers, pid_t pid);

/* `pid` has ended; 1 when it was one of them. */
int strangers_forget(Strangers *strangers, pid_t pid);

/* This process adopts orphans of its descendants from now on. */
void children_adopt(void);

/*
 * Ends and reaps every descendant. Returns how many had to be ended, or -1 when some could not be
 * within a few seconds.
 */
int children_end(void);

/* The same, without strangers, which are not reaped either. */
int children_end_but(const Strangers *strangers);
