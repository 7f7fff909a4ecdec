/*
 * The session owns the worker's connection. Every error that means the connection is of no use
 * closes it, and the next session_connect() opens another; is_lost stays set for the job that runs,
 * which has to look at what it holds then. A plugin may have closed the descriptor, and its number
 * may mean something of the plugin's own: nothing is sent or closed before that was checked.
 */
#include "worker/session.h"

#include <stdio.h>
#include <string.h>

#include "core/backoff.h"
#include "db/pg.h"
#include "util/log.h"

static const Backoff pauses = {.first_usec = USEC_PER_SEC, .max_usec = 5 * USEC_PER_SEC};

int session_is_passing(int r) {
        return r == DB_E_UNAVAILABLE || r == DB_E_FULL || r == DB_E_RETRY;
}

int session_is_refusal(const Session *session, int r) {
        return r && !session_is_passing(r) && session->error.class == r && *session->error.sqlstate;
}

void session_begin(Session *session) {
        session->is_lost = 0;
}

usec_t session_pause(const Session *session, usec_t now_usec) {
        return session->db ? 0 : usec_sub(session->retry_usec, now_usec);
}

/*
 * The number of a socket that a plugin has closed may mean something of its own by now: neither a
 * goodbye nor a close may go there. The memory is given up; the worker will not live long.
 */
static void drop_connection(Session *session) {
        if (descriptor_is_same(&session->socket))
                (void) db_close(session->db);
        session->db = NULL;
        session->socket = (DescriptorIdentity){.fd = -1};
        session->is_lost = 1;
}

void session_close(Session *session) {
        if (session->db && descriptor_is_same(&session->socket))
                (void) db_close(session->db);
        session->db = NULL;
        session->socket = (DescriptorIdentity){.fd = -1};
}

int session_connect(Session *session) {
        if (session->db)
                return 0;
        (void) descriptors_mend_standard();
        int r = db_open(session->settings, &session->db, &session->error);
        if (r) {
                usec_t pause = backoff_delay(&pauses, ++session->failures, session->random);
                session->retry_usec = usec_add(clock_now_usec(), pause);
                return r;
        }
        session->failures = 0;
        session->socket = descriptor_identify(PQsocket(session->db->link.conn));
        return 0;
}

int session_try(Session *session) {
        return session_pause(session, clock_now_usec()) ? DB_E_UNAVAILABLE
                                                        : session_connect(session);
}

static int refuse_batch(Session *session, DbReply *reply, const char *message) {
        *reply = (DbReply){.error = {.class = DB_E_UNAVAILABLE}};
        (void) snprintf(reply->error.message, sizeof(reply->error.message), "%s", message);
        session->error = reply->error;
        return DB_E_UNAVAILABLE;
}

void session_note(Session *session, int r, const DbError *error) {
        if (r)
                session->error = *error;
        if (r == DB_E_UNAVAILABLE || r == DB_E_FULL) {
                drop_connection(session);
                log_debug("lost the connection: %s", session->error.message);
        }
}

typedef int (*BatchRunner)(Db *db, Batch *batch, DbReply *reply);

static int run_with(BatchRunner run, Session *session, Batch *batch, DbReply *reply) {
        if (!session->db) {
                batch_done(batch);
                return refuse_batch(session, reply, "not connected");
        }
        if (!descriptor_is_same(&session->socket)) {
                batch_done(batch);
                drop_connection(session);
                return refuse_batch(session, reply,
                                    "the plugin has closed the worker's connection");
        }
        int r = run(session->db, batch, reply);
        session_note(session, r, &reply->error);
        return r;
}

int session_run(Session *session, Batch *batch, DbReply *reply) {
        return run_with(db_run_retry, session, batch, reply);
}

int session_run_once(Session *session, Batch *batch, DbReply *reply) {
        return run_with(db_run, session, batch, reply);
}

int session_is_alive(Session *session) {
        return !session->db || (descriptor_is_same(&session->socket) && db_is_alive(session->db));
}
