/* What a SQLSTATE means to us: expected ones are data, everything else is a bug. */
#pragma once

#define DB_E_UNAVAILABLE 1 /* no connection, or it was lost: connect again, later */
#define DB_E_RETRY 2       /* the same transaction may succeed the next time */
#define DB_E_CONFLICT 3    /* a unique key is taken */
#define DB_E_GONE 4        /* a row that is referred to is not there any more */
#define DB_E_SCHEMA 5      /* schema jobd, or a right on it, is missing */
#define DB_E_FULL 6        /* disk full, out of memory, too many connections: wait */
#define DB_E_POOLER 7      /* a pooler stands between that loses what a session needs */

/* One of the above, or -EBADMSG. NULL means that the connection is gone. */
int sqlstate_classify(const char *sqlstate);

/* What an administrator can do about that class, or NULL. */
const char *sqlstate_hint(int class);
