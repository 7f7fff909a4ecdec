/*
 * A connection to the Registry's database. Opening it blocks for a few times connect_usec at most;
 * running a batch, for at most its deadline.
 */
#pragma once

#include "db/exchange.h"
#include "util/clock.h"
#include "util/macro.h"

typedef struct DbSettings {
        const char *conninfo;         /* libpq's; "" leaves it to the PG* environment */
        const char *application_name; /* shown in pg_stat_activity */
        usec_t statement_usec;        /* the server's limit for one statement */
        usec_t deadline_usec; /* ours for a whole batch; 0: ten seconds after the server's */
        usec_t connect_usec;  /* for one host of the conninfo, and for the set-up; 0: ten seconds */
        usec_t lock_usec;     /* the limit for one lock; 0: none */
        const char *listen;   /* channel to LISTEN on, or NULL */
        int refuses_pooler;   /* DB_E_POOLER behind one that shares servers between sessions */
} DbSettings;

typedef struct Db {
        DbLink link;
        usec_t deadline_usec; /* for one batch */
} Db;

/* Returns 0, DB_E_*, or -errno; `error` says why. */
int db_open(const DbSettings *settings, Db **ret, DbError *error);

/* Says goodbye to the server. */
Db *db_close(Db *db);
DEFINE_CLEANUP(Db, db_close)

/* 0 when the server has closed the connection while it was idle. Does not wait. */
int db_is_alive(Db *db);

/*
 * Runs the batch as one transaction and empties it. Returns 0, or reply->error.class. The reply is
 * the caller's to free, with db_reply_done().
 */
int db_run(Db *db, Batch *batch, DbReply *reply);

/* As db_run(), again up to three times while the server answers DB_E_RETRY. */
int db_run_retry(Db *db, Batch *batch, DbReply *reply);

/* A connection of its own for a plugin: not in pipeline mode, with nothing prepared. */
int db_open_plain(const DbSettings *settings, PGconn **ret, DbError *error);

/* Connects such a connection again that was lost: the same PGconn, with nothing of its session. */
int db_reset_plain(const DbSettings *settings, PGconn *conn, DbError *error);
