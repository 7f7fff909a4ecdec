/*
 * A worker's connection to the database, over everything that may happen to it: the server is away
 * for a while, and a plugin that ran for ten hours is not to fail because of that; or the plugin
 * has closed the descriptor. Errors that time can mend close the connection, and it is opened again
 * with a growing pause.
 */
#pragma once

#include "db/db.h"
#include "util/descriptors.h"

typedef struct Session {
        const DbSettings *settings;
        Db *db;            /* NULL while there is no connection */
        DbError error;     /* of what failed last */
        unsigned random;   /* so that workers do not come back together */
        int is_lost;       /* a connection was lost since session_begin() */
        unsigned failures; /* to connect, in a row */
        usec_t retry_usec; /* no attempt before this */
        DescriptorIdentity socket;
} Session;

/* A job begins: what was lost before does not concern it. */
void session_begin(Session *session);

/* Opens a connection if there is none. Returns 0, DB_E_* or -errno, with session->error. */
int session_connect(Session *session);

/* The same, but not before the pause is over: DB_E_UNAVAILABLE then, at once. */
int session_try(Session *session);

/*
 * db_run_retry() on the connection that there is: DB_E_UNAVAILABLE when there is none, or when it
 * was lost. Keeps the error.
 */
int session_run(Session *session, Batch *batch, DbReply *reply);

/* As session_run(), but once: a caller that has others to serve meanwhile tries again itself. */
int session_run_once(Session *session, Batch *batch, DbReply *reply);

/* What came of statements that were run on session->db itself: as session_run() does. */
void session_note(Session *session, int r, const DbError *error);

/* 0 when there is a connection, but its server has closed it while it was idle. */
int session_is_alive(Session *session);

/* Until the connection may be tried again; 0 when it may. */
usec_t session_pause(const Session *session, usec_t now_usec);

void session_close(Session *session);

/* 1 for what only time can mend: away, full, or in each other's way. */
int session_is_passing(int r);

/* 1 when the server refused what was sent, and time does not mend it; session->error says why. */
int session_is_refusal(const Session *session, int r);
