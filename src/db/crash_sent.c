/* Only builds for tests contain this. db.c calls it for every batch. */
#include "db/crash_sent.h"

#ifdef RJ_CRASH_POINTS
#include <poll.h>

#include "util/crash.h"

#define WAIT_MSEC 5000

static int has_statement(const Batch *batch, SqlId id) {
        for (size_t i = 0; i < batch->n; i++)
                if (batch->statements[i].id == id)
                        return 1;
        return 0;
}

/* Writes everything, and waits for the first bytes of the answer. */
static void await_answer(PGconn *conn) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLOUT};

        while (PQflush(conn) > 0)
                (void) poll(&fd, 1, WAIT_MSEC);
        fd.events = POLLIN;
        (void) poll(&fd, 1, WAIT_MSEC);
}

void crash_before_send(Db *db, const Batch *batch) {
        PGconn *conn = db->link.conn;

        if (!has_statement(batch, SQL_JOB_FINISH) || !crash_is_due(CRASH_WORKER_FINISH_OPEN))
                return;
        for (size_t i = 0; i < batch->n; i++) {
                const BatchStatement *s = &batch->statements[i];
                (void) PQsendQueryParams(conn, sql_text(s->id), s->n, NULL,
                                         (const char *const *) s->values, NULL, NULL, 0);
        }
        (void) PQsendFlushRequest(conn);
        await_answer(conn);
        crash_now();
}

void crash_after_send(const Batch *batch) {
        if (has_statement(batch, SQL_LANE_TAKE))
                CRASH_POINT(WORKER_TAKE_SENT);
        if (has_statement(batch, SQL_HISTORY_ADD))
                CRASH_POINT(WORKER_RECORD_SENT);
        if (has_statement(batch, SQL_JOB_FINISH))
                CRASH_POINT(WORKER_FINISH_SENT);
        if (has_statement(batch, SQL_SETTLE))
                CRASH_POINT(HEIR_SETTLE_SENT);
}
#endif
