/*
 * Opens connections and sets their session up. Every function here waits for the server, for a
 * bounded time. A caller that must not wait calls them in a thread.
 */
#pragma once

#include "db/db.h"

/*
 * The zone of the Registry's times: that of the function which reads them in everybody's statements
 * (schema/zone.sql). No row without the schema.
 */
#define CONNECT_ZONE_SQL                                                       \
        "SELECT substr(c.setting, length('TimeZone=') + 1) FROM pg_proc p "    \
        "JOIN pg_namespace n ON n.oid = p.pronamespace "                       \
        "CROSS JOIN unnest(p.proconfig) c (setting) WHERE n.nspname = 'jobd' " \
        "AND p.proname = 'keep_queue' AND c.setting LIKE 'TimeZone=%'"

/*
 * Opens a connection and sets it up. `is_ours`: for the statements of this project; otherwise for a
 * plugin. Returns 0, or an error class with `error` filled in: DB_E_SUPERUSER, DB_E_ENCODING and
 * DB_E_TIMEZONE for a server that answers, and must not be used so.
 */
int connect_open(const DbSettings *settings, int is_ours, PGconn **ret, DbError *error);

/* Sets up the session of an open connection. */
int connect_set_up(PGconn *conn, const DbSettings *settings, int is_ours, DbError *error);

/*
 * Returns DB_E_POOLER when a pooler gives the server process of this connection to other sessions
 * between its transactions: LISTEN, prepared statements and settings would be lost. One statement
 * finds out whether there is a pooler; only then a second connection is opened to find its mode.
 * `ret_is_between` is set with DB_E_POOLER as well.
 */
int connect_check_pooler(PGconn *conn, const DbSettings *settings, int *ret_is_between,
                         DbError *error);
