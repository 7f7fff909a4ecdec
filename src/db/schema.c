#include "db/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/schema_list.h"
#include "db/schema_remove_list.h"
#include "db/schema_roles_list.h"
#include "util/macro.h"
#include "util/parse.h"
#include "util/text.h"

static const struct {
        const char *name;
        const char *text;
} files[] = {
#define X(id, name, text) {name, text},
        SCHEMA_LIST(X)
#undef X
};

static const char *const removal =
#define X(id, name, text) text
        SCHEMA_REMOVE_LIST(X);
#undef X

static const char *const roles =
#define X(id, name, text) text
        SCHEMA_ROLES_LIST(X);
#undef X

int schema_version_needed(void) {
        return (int) ARRAY_SIZE(files);
}

const char *schema_roles(void) {
        return roles;
}

/* Runs one or more statements; `ret`, if not NULL, gets the last result. */
static int execute(PGconn *conn, const char *sql, PGresult **ret, DbError *error) {
        PGresult *result = PQexec(conn, sql);
        ExecStatusType status = PQresultStatus(result);
        int r = 0;

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
                const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
                const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
                r = sqlstate_classify(state);
                *error = (DbError){.class = r};
                (void) snprintf(error->sqlstate, sizeof(error->sqlstate), "%.5s",
                                state ? state : "");
                (void) text_copy_utf8(error->message, sizeof(error->message), 0,
                                      message ? message : PQerrorMessage(conn));
        }
        if (ret && !r)
                *ret = result;
        else
                PQclear(result);
        return r;
}

static int read_int(PGconn *conn, const char *sql, int *ret, DbError *error) {
        PGresult *result;
        int r = execute(conn, sql, &result, error);
        if (r)
                return r;
        int32_t value = 0;
        if (PQntuples(result) && !PQgetisnull(result, 0, 0))
                (void) parse_int32(PQgetvalue(result, 0, 0), 0, INT32_MAX, &value);
        PQclear(result);
        *ret = value;
        return 0;
}

/* 0 where there is nothing of ours. */
static int read_version(PGconn *conn, int *ret, DbError *error) {
        int is_there = 0;
        *ret = 0;
        int r = read_int(conn, "SELECT (to_regclass('jobd.schema_version') IS NOT NULL)::int",
                         &is_there, error);
        if (r || !is_there)
                return r;
        return read_int(conn, "SELECT max(version) FROM jobd.schema_version", ret, error);
}

int schema_check(PGconn *conn, SchemaState *ret, DbError *error) {
        SchemaState state = {0};
        int r = read_version(conn, &state.version, error);
        if (!r)
                r = read_int(conn,
                             "SELECT count(*) FROM pg_trigger WHERE tgrelid = "
                             "to_regclass('public.jobs') AND tgname LIKE 'jobd\\_%' "
                             "AND tgenabled IN ('O', 'A')",
                             &state.triggers, error);
        if (!r)
                *ret = state;
        return r;
}

/* The lock makes a second installation wait for the first, and then find everything done. */
static const char begin[] =
        "BEGIN;"
        "SET LOCAL client_min_messages = warning;"
        "SELECT pg_advisory_xact_lock(hashtextextended('registry-jobd schema', 0));"
        "CREATE SCHEMA IF NOT EXISTS jobd;"
        "CREATE TABLE IF NOT EXISTS jobd.schema_version ("
        "  version integer PRIMARY KEY, name text NOT NULL,"
        "  applied timestamptz NOT NULL DEFAULT clock_timestamp())";

/* Applies file `i` unless it has been; leaves the transaction open. */
static int apply(PGconn *conn, int i, int *ret_applied, DbError *error) {
        int version = 0;
        int r = execute(conn, begin, NULL, error);
        if (!r)
                r = read_int(conn, "SELECT max(version) FROM jobd.schema_version", &version, error);
        if (r || version > i)
                return r;

        char note[160];
        (void) snprintf(note, sizeof(note),
                        "INSERT INTO jobd.schema_version (version, name) VALUES (%d, '%.80s')",
                        i + 1, files[i].name);
        r = execute(conn, files[i].text, NULL, error);
        if (!r)
                r = execute(conn, note, NULL, error);
        *ret_applied = !r;
        return r;
}

int schema_install(PGconn *conn, void (*on_step)(int version, const char *name, void *userdata),
                   void *userdata, DbError *error) {
        for (int i = 0; i < schema_version_needed(); i++) {
                int is_applied = 0;
                DbError ignored;
                int r = apply(conn, i, &is_applied, error);
                if (r) {
                        (void) execute(conn, "ROLLBACK", NULL, &ignored);
                        return r;
                }
                r = execute(conn, "COMMIT", NULL, error);
                if (r)
                        return r;
                if (is_applied && on_step)
                        on_step(i + 1, files[i].name, userdata);
        }
        return 0;
}

int schema_remove(PGconn *conn, DbError *error) {
        return execute(conn, removal, NULL, error);
}
