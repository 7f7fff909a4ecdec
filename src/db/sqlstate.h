/* Classes of SQLSTATEs. An expected error has a class; any other error is a bug. */
#pragma once

#define DB_E_UNAVAILABLE 1 /* no connection, or a lost one: connect again later */
#define DB_E_RETRY 2       /* the same transaction may succeed when it is tried again */
#define DB_E_CONFLICT 3    /* a unique key is in use */
#define DB_E_GONE 4        /* a row that is referred to does not exist any more */
#define DB_E_SCHEMA 5      /* the schema jobd, or a right on it, is missing */
#define DB_E_FULL 6        /* disk full, out of memory, or too many connections: wait */
#define DB_E_POOLER 7      /* a pooler in between loses the session's settings */
#define DB_E_SUPERUSER 8   /* the role is a superuser, or may become one */
#define DB_E_ENCODING 9    /* the database is not UTF8 */
#define DB_E_COPY 10       /* the database is not the one in which the schema was installed */
#define DB_E_TIMEZONE 11   /* the schema has another zone than the configuration */

/* A class, or -EBADMSG for a bug. NULL and "" mean that the connection is gone. */
int sqlstate_classify(const char *sqlstate);

/* What an administrator can do about an error of that class, or NULL. */
const char *sqlstate_hint(int class);

/* For a connection that the server does not take (DbError.is_refused). */
extern const char *const sqlstate_refused_hint;
