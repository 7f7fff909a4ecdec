/*
 * The supervisor's connection: batches are queued, sent one behind the other, and answered through
 * callbacks. It knows no event loop: the owner watches the descriptor and calls async_step().
 */
#pragma once

#include "db/db.h"

typedef struct Async Async;

/*
 * `reply` is freed when the callback returns. On a lost connection every queued batch gets its
 * callback with DB_E_UNAVAILABLE.
 */
typedef void (*AsyncDone)(const DbReply *reply, void *userdata, int64_t number);

/* Takes an open connection that listens already. */
int async_new(Db *db, Async **ret);

/* Ends the connection; batches that wait get their callbacks. */
Async *async_free(Async *async);
DEFINE_CLEANUP(Async, async_free)

/* Queues a batch and empties it. Returns 0, -ENOMEM, -ENOBUFS (too many wait), or its build error.
 */
int async_submit(Async *async, Batch *batch, AsyncDone done, void *userdata, int64_t number);

/* The payload of the oldest notification, as its sender wrote it; the caller's. NULL: none. */
char *async_next_notice(Async *async);

/* Reads and writes what is possible. Returns 0, or DB_E_UNAVAILABLE: free it and connect again. */
int async_step(Async *async);

int async_fd(const Async *async);
int async_wants_write(const Async *async);

/* When the oldest batch on its way should have been answered; USEC_INFINITY when none is. */
usec_t async_deadline(const Async *async);

/* Batches without an answer. */
size_t async_pending(const Async *async);

/* Why the connection failed. */
const DbError *async_error(const Async *async);
