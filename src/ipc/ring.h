/*
 * Frames of bytes in the ring of a status page: put in by the worker, taken out when they are in
 * the table. A frame counts from the moment that the head has passed it: a worker that is killed
 * while it writes a frame leaves no part of it. The ring stays when its worker dies; the heir goes
 * on with it.
 */
#pragma once

#include "ipc/status_page.h"

#define RING_E_FULL 1
#define RING_E_DAMAGED 2 /* the counters or a length make no sense: somebody wrote over them */

/* The largest frame that ring_put() takes. */
#define RING_FRAME_MAX 4096u

/* Puts one frame in; 0, RING_E_FULL, or -E2BIG. */
int ring_put(StatusPage *page, const void *data, size_t size);

/* Where the oldest frame is, and where the next one will be. Positions only grow. */
uint64_t ring_oldest(const StatusPage *page);
uint64_t ring_end(const StatusPage *page);

/*
 * Copies the frame at *at out, and moves *at behind it. Returns 1, 0 at the end, or
 * -RING_E_DAMAGED.
 */
int ring_read(const StatusPage *page, uint64_t *at, void *data, size_t size, size_t *ret_size);

/* Overwrites the beginning of the frame that begins at `at`. */
void ring_patch(StatusPage *page, uint64_t at, const void *data, size_t size);

/* Takes everything before `at` out; `n` frames. */
void ring_release(StatusPage *page, uint64_t at, uint64_t n);

/* Puts the ring's counters to what its owner knows. */
void ring_restore(StatusPage *page, uint64_t oldest, uint64_t end, uint64_t n);

/* Takes everything out, whatever it is. */
void ring_clear(StatusPage *page);

/*
 * How many frames there should be, by their own count; -1 when that count makes no sense. Of a
 * damaged ring it tells how many were lost.
 */
int64_t ring_count(const StatusPage *page);
