/* schema: the owner of public.jobs installs, upgrades, checks or removes the schema jobd. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/verbs.h"
#include "db/schema.h"

#define LOCK_USEC (30 * USEC_PER_SEC) /* of what sets no limit of its own */
#define REMOVE_TRIES 5                /* of a second each, and a second between */

static void on_notice(void *userdata, const PGresult *result) {
        const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        cli_tell(userdata, "the server says: %s", text ? text : "");
}

static int say_error(const DbError *error) {
        cli_say("%s", error->message);
        if (!strcmp(error->sqlstate, "42501"))
                cli_say("hint: the schema is installed by the owner of public.jobs, who may create "
                        "schemas in the database, or by a superuser");
        else if (error->class == DB_E_ENCODING)
                cli_say("hint: %s", sqlstate_hint(error->class));
        return error->class == DB_E_UNAVAILABLE ? CLI_UNAVAILABLE : CLI_FAILED;
}

/* The role may not look: as doctor says it. */
static int say_unseen(PGconn *conn, const DbError *error) {
        cli_say("%s", error->message);
        cli_say("hint: as the owner: registry-job schema roles | psql; psql -c 'GRANT "
                "registry_jobd "
                "TO \"%s\"'",
                PQuser(conn));
        return CLI_FAILED;
}

static int check_schema(const Cli *cli, PGconn *conn) {
        SchemaState state;
        DbError error = {0};
        char words[256];

        if (schema_check(conn, &state, &error))
                return strcmp(error.sqlstate, "42501") ? say_error(&error)
                                                       : say_unseen(conn, &error);
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
        const char *remedy = schema_judge(&state, words, sizeof(words));
        if (remedy)
                cli_say("%s", words);
        else if (!is_right)
                remedy = "registry-job doctor names the triggers, and says what to do";
        if (remedy)
                cli_say("hint: %s", remedy);
        return is_right ? CLI_OK : CLI_FAILED;
}

static int install_schema(Cli *cli, PGconn *conn, int must_be_there) {
        int is_there = 1, needed = schema_version_needed();
        SchemaInstallation done;
        DbError error = {0};

        int r = must_be_there ? schema_is_there(conn, &is_there, &error) : 0;
        if (!r && !is_there) {
                cli_say("schema jobd is not installed; registry-job schema install installs it");
                return CLI_FAILED;
        }
        if (!r)
                r = schema_install(conn, cli->config->timezone, &done, &error);
        if (r)
                return say_error(&error);
        for (int version = done.before + 1; version <= needed; version++)
                cli_tell(cli, "applied %s (version %d)", schema_file_name(version), version);
        if (done.before && strcmp(done.zone, done.zone_before) != 0)
                cli_tell(cli, "the Registry's times are in %s now, not in %s: restart the daemons",
                         done.zone, done.zone_before);
        if (done.before >= needed)
                cli_tell(cli, "schema jobd is at version %d already", done.before);
        else if (done.before)
                cli_tell(cli, "hint: give its roles what is new: registry-job schema roles | psql");
        return CLI_OK;
}

static void say_removed(const Cli *cli, const SchemaInventory *removed) {
        if (!removed->triggers && !removed->tables && !removed->functions) {
                cli_tell(cli, "there is no schema jobd: nothing to remove");
                return;
        }
        cli_tell(cli,
                 "removed the schema jobd (version %d: %d tables, %d functions) and %d triggers "
                 "of public.jobs; jobs and history stay",
                 removed->version, removed->tables, removed->functions, removed->triggers);
        if (removed->running)
                cli_tell(cli, "%d job%s assigned or in progress: nobody will settle %s",
                         removed->running, removed->running == 1 ? " stays" : "s stay",
                         removed->running == 1 ? "it" : "them");
}

/* Each try waits for locks for a second only: what the Registry does waits behind it. */
static int remove_schema(const Cli *cli, PGconn *conn) {
        const struct timespec pause = {.tv_sec = 1};
        SchemaInventory removed;
        DbError error = {0};
        char users[512];

        int r = schema_remove(conn, cli->options->is_forced, &removed, &error);
        for (int i = 1; r == DB_E_RETRY && i < REMOVE_TRIES; i++) {
                if (i == 1 && !schema_find_users(conn, users, sizeof(users)))
                        cli_tell(cli, "waiting for %s, for up to %d s", users, 2 * REMOVE_TRIES);
                (void) nanosleep(&pause, NULL);
                r = schema_remove(conn, cli->options->is_forced, &removed, &error);
        }
        if (!r) {
                say_removed(cli, &removed);
                return CLI_OK;
        }
        int code = say_error(&error);
        if (!strcmp(error.sqlstate, SCHEMA_IN_USE))
                cli_say("hint: stop it first; with --force what it runs stays in progress");
        else if (r == DB_E_RETRY)
                cli_say("hint: nothing was removed; end the transactions that are in the way, and "
                        "try again");
        return code;
}

int verb_schema(Cli *cli) {
        const char *action = cli->options->words[1];
        DbError error = {0};
        PGconn *conn;
        int code;

        if (!strcmp(action, "roles")) {
                (void) printf("\\set ON_ERROR_STOP on\nBEGIN;\n%sCOMMIT;\n", schema_roles());
                return CLI_OK;
        }
        /* No limit on a statement: the first resynchronisation reads the whole table. */
        DbSettings settings = {.conninfo = cli->config->conninfo,
                               .application_name = "registry-job schema",
                               .lock_usec = LOCK_USEC,
                               .allows_superuser = 1};
        if (db_open_plain(&settings, &conn, &error))
                return say_error(&error);
        (void) PQsetNoticeReceiver(conn, on_notice, cli);
        if (!strcmp(action, "check"))
                code = check_schema(cli, conn);
        else if (!strcmp(action, "install"))
                code = install_schema(cli, conn, 0);
        else if (!strcmp(action, "upgrade"))
                code = install_schema(cli, conn, 1);
        else if (!strcmp(action, "adopt"))
                code = schema_adopt(conn, &error) ? say_error(&error) : CLI_OK;
        else if (!strcmp(action, "remove"))
                code = remove_schema(cli, conn);
        else {
                cli_say("schema takes install, upgrade, check, adopt, remove or roles, not '%s'",
                        action);
                code = CLI_USAGE;
        }
        PQfinish(conn);
        return code;
}
