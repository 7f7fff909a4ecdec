/* The numbered files of schema/, and which of them a database has. */
#pragma once

#include "db/db.h"

/* The version that this program needs: the number of the last file. */
int schema_version_needed(void);

typedef struct SchemaState {
        int version;  /* 0: not installed */
        int triggers; /* of SCHEMA_TRIGGERS that are there and enabled */
} SchemaState;

#define SCHEMA_TRIGGERS 5

/* Looks; returns 0 or DB_E_* with `error` filled in. */
int schema_check(PGconn *conn, SchemaState *ret, DbError *error);

/*
 * Applies the files that are missing, each in a transaction of its own; several may run at once.
 * `on_step` is told of each that was applied.
 */
int schema_install(PGconn *conn, void (*on_step)(int version, const char *name, void *userdata),
                   void *userdata, DbError *error);

/* Takes everything of ours out of the database. */
int schema_remove(PGconn *conn, DbError *error);

/* The text of schema/roles.sql. */
const char *schema_roles(void);
