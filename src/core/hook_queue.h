/*
 * Failed jobs that a hook is to be told of: a bounded number waits. Those that the hook is not told
 * of are counted, and said with their number: the first a moment after they were, so that a flood
 * is one line, others once a minute.
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

#define HOOK_WAITING_MAX 1000u
#define HOOK_BATCH_MAX 32u

/* All zero is an empty queue. */
typedef struct HookQueue {
        int32_t ids[HOOK_WAITING_MAX]; /* a ring */
        unsigned first, n;
        uint64_t dropped; /* and not said yet */
        usec_t say_usec;  /* not before; 0: nothing was dropped so far */
} HookQueue;

/* One more that waits; dropped when there is no room. */
void hook_queue_add(HookQueue *queue, int32_t job_id, usec_t now_usec);

/* Takes those that have waited longest; returns how many. */
unsigned hook_queue_take(HookQueue *queue, int32_t ids[HOOK_BATCH_MAX]);

/* The hook is not told of `n` jobs, which are not in the queue. */
void hook_queue_drop(HookQueue *queue, uint64_t n, usec_t now_usec);

/* Drops all that wait. */
void hook_queue_drop_all(HookQueue *queue, usec_t now_usec);

/* How many dropped jobs are to be said now; they count as said. `is_last`: nothing is said later.
 */
uint64_t hook_queue_say(HookQueue *queue, int is_last, usec_t now_usec);

/* When there is something to be said; USEC_INFINITY: never. */
usec_t hook_queue_wake(const HookQueue *queue);
