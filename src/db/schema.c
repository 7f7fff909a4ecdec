/*
 * registry-job schema calls this over a plain connection, as the owner of public.jobs or as a
 * superuser. An installation is one transaction: it happens whole or not at all. A superuser runs
 * no code of the owner's in it (schema/prepare.sql).
 */
#include "db/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/connect.h"
#include "db/schema_frame_list.h"
#include "db/schema_list.h"
#include "db/schema_remove_list.h"
#include "db/schema_roles_list.h"
#include "util/error.h"
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

enum {
#define X(id, name, text) FRAME_##id,
        SCHEMA_FRAME_LIST(X)
#undef X
};

static const char *const frames[] = {
#define X(id, name, text) text,
        SCHEMA_FRAME_LIST(X)
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

/* Runs SQL text. The caller owns the last result in `ret`, which may be NULL. */
static int run_sql(PGconn *conn, const char *sql, PGresult **ret, DbError *error) {
        PGresult *result = PQexec(conn, sql);
        ExecStatusType status = PQresultStatus(result);
        int r = 0;

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
                const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
                const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
                const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
                _cleanup_(freep) char *text =
                        text_format("%s%s%s", message ? message : PQerrorMessage(conn),
                                    hint ? "; " : "", hint ? hint : "");
                r = sqlstate_classify(state);
                *error = (DbError){.class = r};
                (void) snprintf(error->sqlstate, sizeof(error->sqlstate), "%.5s",
                                state ? state : "");
                (void) text_copy_utf8(error->message, sizeof(error->message), 0,
                                      text ? text : "out of memory");
        }
        if (ret && !r)
                *ret = result;
        else
                PQclear(result);
        return r;
}

static int read_text(PGconn *conn, const char *sql, char *text, size_t size, DbError *error) {
        PGresult *result;
        int r = run_sql(conn, sql, &result, error);
        if (r)
                return r;
        (void) text_copy_utf8(text, size, 0, PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
        PQclear(result);
        return 0;
}

static int read_int(PGconn *conn, const char *sql, int *ret, DbError *error) {
        PGresult *result;
        int r = run_sql(conn, sql, &result, error);
        if (r)
                return r;
        int32_t value = 0;
        if (PQntuples(result) && !PQgetisnull(result, 0, 0))
                (void) parse_int32(PQgetvalue(result, 0, 0), 0, INT32_MAX, &value);
        PQclear(result);
        *ret = value;
        return 0;
}

/* Those of its tables that nothing works without. */
#define REGISTRY_TABLES                                                                 \
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "               \
        "WHERE c.relname = 'jobs' AND c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM " \
        "pg_class h WHERE h.relnamespace = n.oid AND h.relname = 'job_history_records') "

/*
 * The installed version; 0 without the schema jobd. A superuser reads a plain table of PostgreSQL's
 * own types and nothing else: a view, a policy, a cast or a child table would run its owner's code.
 * The lock keeps it plain to the end of the transaction.
 */
static int read_version(PGconn *conn, int *ret, DbError *error) {
        static const char is_plain[] =
                "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = 'jobd' AND c.relname = 'schema_version' AND c.relkind = 'r' "
                "AND NOT c.relrowsecurity AND NOT c.relhassubclass "
                "AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
                "WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attgenerated <> '' "
                "OR t.typnamespace <> 'pg_catalog'::regnamespace))";
        int is_there = 0;

        *ret = 0;
        int r = read_int(conn, is_plain, &is_there, error);
        if (r || !is_there)
                return r;
        r = run_sql(conn, "LOCK TABLE jobd.schema_version IN ACCESS SHARE MODE", NULL, error);
        if (!r)
                r = read_int(conn, is_plain, &is_there, error);
        if (r || !is_there)
                return r;
        return read_int(conn, "SELECT max(version) FROM jobd.schema_version", ret, error);
}

static int end_transaction(PGconn *conn, int r, DbError *error) {
        DbError ignored;

        if (!r)
                return run_sql(conn, "COMMIT", NULL, error);
        (void) run_sql(conn, "ROLLBACK", NULL, &ignored);
        return r;
}

int schema_is_there(PGconn *conn, int *ret, DbError *error) {
        return read_int(conn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'jobd'", ret,
                        error);
}

int schema_check(PGconn *conn, SchemaState *ret, DbError *error) {
        SchemaState state = {0};
        int r = run_sql(conn, "BEGIN READ ONLY", NULL, error);
        if (!r)
                r = read_version(conn, &state.version, error);
        if (!r)
                r = read_int(conn,
                             "SELECT count(*) FROM pg_trigger WHERE tgrelid = "
                             "to_regclass('public.jobs') AND tgname LIKE 'jobd\\_%' "
                             "AND tgenabled IN ('O', 'A')",
                             &state.triggers, error);
        if (!r)
                r = read_int(conn, "SELECT count(*)" REGISTRY_TABLES "AND n.nspname = 'public'",
                             &state.has_jobs, error);
        if (!r && !state.has_jobs)
                r = read_text(conn, "SELECT n.nspname" REGISTRY_TABLES "ORDER BY 1 LIMIT 1",
                              state.other, sizeof(state.other), error);
        r = end_transaction(conn, r, error);
        if (!r)
                *ret = state;
        return r;
}

const char *schema_judge(const SchemaState *state, char *words, size_t size) {
        int needed = schema_version_needed();

        if (!state->has_jobs && *state->other) {
                (void) snprintf(words, size,
                                "the Registry's tables are in the schema %s, and must be in public",
                                state->other);
                return "move them: registry-jobd and the Registry's own models use public";
        }
        if (!state->has_jobs) {
                (void) snprintf(words, size, "there is no table public.jobs in this database");
                return "conninfo in [database], or PGHOST and PGDATABASE, must lead to the "
                       "Registry's database";
        }
        if (!state->version) {
                (void) snprintf(words, size,
                                "schema jobd is not installed, or this role may not see it");
                return "as the owner: registry-job schema install";
        }
        (void) snprintf(words, size, "schema jobd has version %d, this program %s %d%s",
                        state->version, state->version > needed ? "knows" : "needs", needed,
                        state->version > needed ? " only" : "");
        if (state->version < needed)
                return "as the owner: registry-job schema upgrade";
        if (state->version > needed)
                return "install the newer programs on this host";
        (void) snprintf(words, size, "version %d", state->version);
        return NULL;
}

/* Puts what was waited for, and what helps, in the place of the server's words. */
static int explain_wait(int r, DbError *error, const char *what) {
        if (r && !strcmp(error->sqlstate, "55P03"))
                (void) snprintf(error->message, sizeof(error->message),
                                "%s; nothing was changed: 'registry-job doctor' shows the oldest "
                                "transaction; try again when it has ended",
                                what);
        return r;
}

/* Applies file `i` in the open transaction. */
static int apply_file(PGconn *conn, int i, DbError *error) {
        _cleanup_(freep) char *note = text_format("INSERT INTO jobd.schema_version "
                                                  "VALUES (%d, '%s', clock_timestamp())",
                                                  i + 1, files[i].name);
        if (!note)
                return error->class = error_origin(-ENOMEM);
        int r = run_sql(conn, files[i].text, NULL, error);
        r = explain_wait(r, error,
                         "a transaction that uses public.jobs or the schema jobd has not ended "
                         "within 10 s");
        return r ? r : run_sql(conn, note, NULL, error);
}

/*
 * What is Queued already, after a first installation; later the triggers keep the queue. A
 * superuser leaves it to the daemon, which does it as it starts.
 */
static int fill_queue(PGconn *conn, DbError *error) {
        return run_sql(conn,
                       "DO $$ BEGIN IF current_setting('is_superuser') = 'off' THEN "
                       "PERFORM jobd.resync(); END IF; END $$",
                       NULL, error);
}

/* Notes the zone for schema/zone.sql, before files may put another one into functions. */
static int choose_zone(PGconn *conn, const char *zone, SchemaInstallation *ret, DbError *error) {
        int r = read_text(conn, CONNECT_ZONE_SQL, ret->zone_before, sizeof(ret->zone_before),
                          error);
        if (r)
                return r;
        const char *wanted = zone && *zone ? zone : *ret->zone_before ? ret->zone_before : "UTC";
        (void) text_copy_utf8(ret->zone, sizeof(ret->zone), 0, wanted);
        char *literal = PQescapeLiteral(conn, ret->zone, strlen(ret->zone));
        _cleanup_(freep) char *sql =
                literal ? text_format("SET LOCAL jobd.zone = %s", literal) : NULL;
        PQfreemem(literal);
        return sql ? run_sql(conn, sql, NULL, error) : (error->class = error_origin(-ENOMEM));
}

int schema_install(PGconn *conn, const char *zone, SchemaInstallation *ret, DbError *error) {
        int needed = schema_version_needed();
        SchemaInstallation done = {0};
        int r = run_sql(conn, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", NULL, error);
        if (!r)
                r = run_sql(conn, frames[FRAME_PREPARE], NULL, error);
        r = explain_wait(r, error,
                         "another installation, or a transaction that has locked "
                         "public.jobs or jobd.schema_version, has not ended within 15 s");
        if (!r)
                r = read_int(conn, "SELECT max(version) FROM jobd.schema_version", &done.before,
                             error);
        if (!r)
                r = choose_zone(conn, zone, &done, error);
        for (int i = done.before; !r && i < needed; i++)
                r = apply_file(conn, i, error);
        if (!r)
                r = run_sql(conn, frames[FRAME_ZONE], NULL, error);
        if (!r)
                r = run_sql(conn, frames[FRAME_OWN], NULL, error);
        r = end_transaction(conn, r, error);
        if (!r && !done.before) /* the locks on public.jobs are gone by now */
                r = fill_queue(conn, error);
        if (!r)
                *ret = done;
        return r;
}

const char *schema_file_name(int version) {
        return files[version - 1].name;
}

int schema_adopt(PGconn *conn, DbError *error) {
        return run_sql(conn, frames[FRAME_ADOPT], NULL, error);
}

/* Numbers of the catalog, which are there whatever is missing of the schema. */
static int count_objects(PGconn *conn, SchemaInventory *ret, DbError *error) {
        int may_read = 0;

        int r = read_version(conn, &ret->version, error);
        if (!r)
                r = read_int(conn,
                             "SELECT count(*) FROM pg_trigger WHERE tgrelid = "
                             "to_regclass('public.jobs') AND tgname LIKE 'jobd\\_%'",
                             &ret->triggers, error);
        if (!r)
                r = read_int(conn,
                             "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                             "to_regnamespace('jobd')",
                             &ret->tables, error);
        if (!r)
                r = read_int(conn,
                             "SELECT count(*) FROM pg_proc WHERE pronamespace = "
                             "to_regnamespace('jobd')",
                             &ret->functions, error);
        if (!r) /* a superuser would run code of the owner of public.jobs */
                r = read_int(conn, "SELECT (current_setting('is_superuser') = 'off')::int",
                             &may_read, error);
        if (!r && may_read && ret->triggers)
                r = read_int(conn,
                             "SELECT count(*) FROM public.jobs j WHERE j.status IN ('A', 'GO') AND "
                             "j.job_id IS NULL AND j.deleted IS NOT TRUE",
                             &ret->running, error);
        return r;
}

int schema_remove(PGconn *conn, int is_forced, SchemaInventory *ret, DbError *error) {
        SchemaInventory inventory = {0};
        DbError ignored;

        int r = run_sql(conn, "BEGIN; SET LOCAL lock_timeout = '1s'", NULL, error);
        if (!r && is_forced)
                r = run_sql(conn, "SET LOCAL jobd.force = 'on'", NULL, error);
        if (!r)
                r = count_objects(conn, &inventory, error);
        if (!r)
                r = run_sql(conn, removal, NULL, error);
        if (!r)
                r = run_sql(conn, "COMMIT", NULL, error);
        if (r)
                (void) run_sql(conn, "ROLLBACK", NULL, &ignored);
        else
                *ret = inventory;
        return r;
}

int schema_find_users(PGconn *conn, char *text, size_t size) {
        PGresult *result;
        DbError ignored;
        int r = run_sql(conn,
                        "SELECT COALESCE(string_agg(DISTINCT format('PID %s (%s)', a.pid, "
                        "concat_ws(', ', NULLIF(a.application_name, ''), a.state)), ', '), "
                        "'somebody') FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
                        "WHERE l.granted AND l.pid <> pg_backend_pid() AND l.relation IN (SELECT "
                        "oid FROM pg_class WHERE oid = to_regclass('public.jobs') OR relnamespace "
                        "= to_regnamespace('jobd'))",
                        &result, &ignored);
        if (r)
                return r;
        (void) text_copy_utf8(text, size, 0, PQgetvalue(result, 0, 0));
        text_make_line(text);
        PQclear(result);
        return 0;
}
