/*
 * A blocking connection to the Registry's database. Opening it takes a few times connect_usec at
 * most, running a batch takes its deadline at most.
 */
#pragma once

#include "db/exchange.h"
#include "util/clock.h"
#include "util/macro.h"

typedef struct DbSettings {
        const char *conninfo;         /* libpq's; "" leaves it to the PG* environment */
        const char *application_name; /* shown in pg_stat_activity */
        usec_t statement_usec;        /* the server's limit for one statement */
        usec_t deadline_usec; /* the limit for a whole batch; 0: statement_usec and ten seconds */
        usec_t connect_usec;  /* the limit for one host, and for the set-up; 0: ten seconds */
        usec_t lock_usec;     /* the server's limit for one lock; 0: none */
        const char *listen;   /* the channel to LISTEN on, or NULL */
        const char *timezone; /* that the schema must have, or DB_E_TIMEZONE; NULL or "": any */
        int allows_superuser; /* otherwise a superuser is DB_E_SUPERUSER */
        int refuses_pooler;   /* a pooler that shares servers between sessions is DB_E_POOLER */
} DbSettings;

typedef struct Db {
        DbLink link;
        usec_t deadline_usec; /* the limit for one batch */
        int is_lost;          /* since DB_E_UNAVAILABLE: what comes may answer an older batch */
} Db;

/* Returns 0, DB_E_*, or -errno; `error` says why. */
int db_open(const DbSettings *settings, Db **ret, DbError *error);

/* Ends the session, and frees the connection. Returns NULL. */
Db *db_close(Db *db);
DEFINE_CLEANUP(Db, db_close)

/* 0 when the server has closed the idle connection, 1 otherwise. Does not wait. */
int db_is_alive(Db *db);

/*
 * Runs the batch as one transaction and empties it. Returns 0, or reply->error.class. The caller
 * frees the reply with db_reply_done(), also after an error. After DB_E_UNAVAILABLE every batch is
 * answered by that.
 */
int db_run(Db *db, Batch *batch, DbReply *reply);

/* As db_run(); tries up to three times when the server answers DB_E_RETRY. */
int db_run_retry(Db *db, Batch *batch, DbReply *reply);

/*
 * Opens a connection for a plugin: not in pipeline mode, without prepared statements. Notices of
 * the server are dropped until somebody sets a receiver for them.
 */
int db_open_plain(const DbSettings *settings, PGconn **ret, DbError *error);

/* Connects a lost connection of a plugin again: the same PGconn with a new session. */
int db_reset_plain(const DbSettings *settings, PGconn *conn, DbError *error);
