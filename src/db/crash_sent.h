/* Crash points around the sending of a batch; see util/crash.h. Empty in builds without them. */
#pragma once

#include "db/db.h"

#ifdef RJ_CRASH_POINTS
/* Called before the batch is sent: the crash point in which a finish lacks its commit. */
void crash_before_send(Db *db, const Batch *batch);

/* Called after the batch was sent, before its answer is read. */
void crash_after_send(const Batch *batch);
#else
#define crash_before_send(db, batch) ((void) 0)
#define crash_after_send(batch) ((void) 0)
#endif
