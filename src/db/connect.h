/*
 * Opening a connection and giving it our settings. Everything here waits, and every wait has an
 * end: callers that may not wait do it in a thread.
 */
#pragma once

#include "db/db.h"

/* Opens a connection and sets it up; `is_ours`: for our own statements, not for a plugin's. */
int connect_open(const DbSettings *settings, int is_ours, PGconn **ret, DbError *error);

/* Gives the settings to a connection that is open. */
int connect_set_up(PGconn *conn, const DbSettings *settings, int is_ours, DbError *error);

/*
 * DB_E_POOLER when other sessions can share the server process of this connection between its
 * transactions: LISTEN, prepared statements and settings would be lost there. Asks once; only
 * behind a pooler, of whichever mode, it takes a second connection. Whether there is one is known
 * also with DB_E_POOLER.
 */
int connect_check_pooler(PGconn *conn, const DbSettings *settings, int *ret_is_between,
                         DbError *error);
