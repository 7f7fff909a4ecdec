/*
 * Frames of bytes in the ring of a status page: put in by the worker, taken out by the worker when
 * they are in the table, or by the supervisor when the worker is dead. A frame counts from the
 * moment that the head has passed it; one half written by a killed worker does not exist.
 */
#pragma once

#include "ipc/status_page.h"

#define RING_E_FULL 1
#define RING_E_DAMAGED 2 /* the counters or a length make no sense: somebody scribbled */

/* The largest frame that ring_put() takes. */
#define RING_FRAME_MAX 4096u

/* Puts one frame in; 0, RING_E_FULL, or -E2BIG. */
int ring_put(StatusPage *page, const void *data, size_t size);

/* Where the oldest frame is. Positions only grow. */
uint64_t ring_oldest(const StatusPage *page);

/*
 * Copies the frame at *at out, and moves *at behind it. Returns 1, 0 at the end, or RING_E_DAMAGED
 * as a negative number.
 */
int ring_read(const StatusPage *page, uint64_t *at, void *data, size_t size, size_t *ret_size);

/* Overwrites the beginning of the frame that begins at `at`. */
void ring_patch(StatusPage *page, uint64_t at, const void *data, size_t size);

/* Takes everything before `at` out. */
void ring_release(StatusPage *page, uint64_t at);
