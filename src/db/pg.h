/* Cleanup attributes for batches and replies. */
#pragma once

#include "db/db.h"

static inline void db_reply_donep(DbReply *reply) {
        db_reply_done(reply);
}

static inline void batch_donep(Batch *batch) {
        batch_done(batch);
}
