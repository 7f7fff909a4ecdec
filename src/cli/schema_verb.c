/* schema: what the database must have, put there by its owner. */
#include <stdio.h>
#include <string.h>

#include "cli/verbs.h"
#include "db/schema.h"

static void on_step(int version, const char *name, void *userdata) {
        const Cli *cli = userdata;
        cli_tell(cli, "applied %s (version %d)", name, version);
}

static int say_error(const DbError *error) {
        cli_say("%s", error->message);
        if (!strcmp(error->sqlstate, "42501"))
                cli_say("hint: the schema is installed by the owner of the database");
        return error->class == DB_E_UNAVAILABLE ? CLI_UNAVAILABLE : CLI_FAILED;
}

static int check(const Cli *cli, PGconn *conn) {
        SchemaState state;
        DbError error = {0};

        if (schema_check(conn, &state, &error))
                return say_error(&error);
        int is_right =
                state.version == schema_version_needed() && state.triggers == SCHEMA_TRIGGERS;
        if (cli->options->is_json)
                (void) printf("{\"version\": %d, \"needed\": %d, \"triggers\": %d, \"ok\": %s}\n",
                              state.version, schema_version_needed(), state.triggers,
                              is_right ? "true" : "false");
        else
                (void) printf("schema jobd: version %d of %d, %d of %d triggers on jobs: %s\n",
                              state.version, schema_version_needed(), state.triggers,
                              SCHEMA_TRIGGERS, is_right ? "ok" : "not ok");
        if (state.version > schema_version_needed())
                cli_say("the database was upgraded by a newer version of this program");
        else if (state.version < schema_version_needed())
                cli_say("hint: registry-job schema install");
        else if (!is_right)
                cli_say("hint: enable the triggers whose names begin with jobd_ on public.jobs");
        return is_right ? CLI_OK : CLI_FAILED;
}

static int install(Cli *cli, PGconn *conn, int must_be_there) {
        SchemaState state;
        DbError error = {0};

        int r = schema_check(conn, &state, &error);
        if (!r && must_be_there && !state.version) {
                cli_say("schema jobd is not installed; registry-job schema install does that");
                return CLI_FAILED;
        }
        if (!r)
                r = schema_install(conn, on_step, cli, &error);
        if (r)
                return say_error(&error);
        if (state.version == schema_version_needed())
                cli_tell(cli, "schema jobd is at version %d already", state.version);
        return CLI_OK;
}

int verb_schema(Cli *cli) {
        const char *action = cli->options->words[1];
        DbError error = {0};
        PGconn *conn;
        int code;

        if (!strcmp(action, "roles")) {
                (void) fputs(schema_roles(), stdout);
                return CLI_OK;
        }
        /* No limit on a statement: the first resynchronisation reads the whole table. */
        DbSettings settings = {.conninfo = cli->config->conninfo,
                               .application_name = "registry-job schema"};
        if (db_open_plain(&settings, &conn, &error))
                return say_error(&error);
        if (!strcmp(action, "check"))
                code = check(cli, conn);
        else if (!strcmp(action, "install"))
                code = install(cli, conn, 0);
        else if (!strcmp(action, "upgrade"))
                code = install(cli, conn, 1);
        else if (!strcmp(action, "remove"))
                code = schema_remove(conn, &error) ? say_error(&error) : CLI_OK;
        else {
                cli_say("schema takes install, upgrade, check, remove or roles, not '%s'", action);
                code = CLI_USAGE;
        }
        PQfinish(conn);
        return code;
}
