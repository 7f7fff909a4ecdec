/* Crash points between a batch and its answer; see util/crash.h. Nothing in builds without them. */
#pragma once

#include "db/db.h"

#ifdef RJ_CRASH_POINTS
/* Before the batch is sent: for the point at which the server has a finish without its commit. */
void crash_before_send(Db *db, const Batch *batch);

/* After it was sent, before any of the answer is read. */
void crash_after_send(const Batch *batch);
#else
#define crash_before_send(db, batch) ((void) 0)
#define crash_after_send(batch) ((void) 0)
#endif
