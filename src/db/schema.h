/* Installs and checks the schema jobd: the numbered files of schema/. */
#pragma once

#include "db/db.h"

/* The version that this program needs, which is the number of the last file. */
int schema_version_needed(void);

typedef struct SchemaState {
        int has_jobs;   /* there is a table public.jobs that the role can see */
        char other[64]; /* a schema that has the Registry's tables in its place; "" */
        int version;    /* 0: not installed */
        int triggers;   /* enabled ones, of SCHEMA_TRIGGERS */
} SchemaState;

#define SCHEMA_TRIGGERS 5

/* Whether there is a schema jobd, whoever made it. Returns as schema_check(). */
int schema_is_there(PGconn *conn, int *ret, DbError *error);

/* Reads the state of the database. Returns 0, or DB_E_* with `error` filled in. */
int schema_check(PGconn *conn, SchemaState *ret, DbError *error);

/*
 * Says in `words` what the state is. Returns NULL when this program can use it, or what is to be
 * done.
 */
const char *schema_judge(const SchemaState *state, char *words, size_t size);

/* What schema_install() has found and left. */
typedef struct SchemaInstallation {
        int before;           /* the version that was there */
        char zone_before[64]; /* of the Registry's times; "" before a first installation */
        char zone[64];
} SchemaInstallation;

/*
 * Applies the missing files, all or none, and gives everything in jobd to the owner of public.jobs.
 * The Registry's times are in `zone`; "" leaves what was there, at first UTC. Installations at the
 * same time wait for one another. Returns as schema_check(); an error has a hint where the files
 * give one.
 */
int schema_install(PGconn *conn, const char *zone, SchemaInstallation *ret, DbError *error);

/* The name of the file that leads to a version, from 1 to schema_version_needed(). */
const char *schema_file_name(int version);

/* Makes this database the one that runs its jobs. Returns as schema_check(). */
int schema_adopt(PGconn *conn, DbError *error);

/* What schema_remove() took away; `running` jobs stay Assigned or In Progress. */
typedef struct SchemaInventory {
        int version, triggers, tables, functions;
        int running;
} SchemaInventory;

/* The SQLSTATE of a removal that is refused, because a daemon or a command is alive. */
#define SCHEMA_IN_USE "RJ002"

/*
 * Removes the schema jobd and its triggers, all or nothing. A lock that is not to be had within a
 * second is DB_E_RETRY; SCHEMA_IN_USE is overridden by `is_forced`. Returns as schema_check().
 */
int schema_remove(PGconn *conn, int is_forced, SchemaInventory *ret, DbError *error);

/* Names the sessions that hold locks on jobs or in the schema. Returns 0, or an error class. */
int schema_find_users(PGconn *conn, char *text, size_t size);

/* The text of schema/roles.sql. */
const char *schema_roles(void);
