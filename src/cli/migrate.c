/*
 * doctor --migrate: what has to be known before the daemon takes the queue over from the Registry's
 * own runner. It changes nothing, and needs neither the schema jobd nor a daemon: a table of checks
 * as doctor's, of which the first look at this host only, and the others read tables of public.
 */
#include <string.h>

#include "cli/checkup.h"
#include "cli/runner_lines.h"
#include "cli/verbs.h"
#include "db/schema.h"
#include "util/text.h"

typedef struct Found {
        Checkup *c;
        const Check *check;
        const char *remedy;
        unsigned n;
} Found;

static void on_found(void *userdata, const char *place, const char *line) {
        Found *found = userdata;
        char text[400], where[520];

        found->n++;
        (void) text_copy_utf8(text, sizeof(text), 120, line);
        text_make_line(text);
        (void) text_copy_utf8(where, sizeof(where), 0, place);
        text_make_line(where);
        checkup_add(found->c, found->check->name, LEVEL_WARNING, found->remedy, "%s: %s", where,
                    text);
}

static void on_unread(void *userdata, const char *place, const char *reason) {
        const Found *found = userdata;

        checkup_add(found->c, found->check->name, LEVEL_NOTICE, "look as root, too",
                    "%s was not looked at: %s", place, reason);
}

static void tell_none(const Found *found, const char *words) {
        if (!found->n)
                checkup_add(found->c, found->check->name, LEVEL_OK, NULL, "%s", words);
}

static const char *root_of(const Checkup *c) {
        const char *root = c->cli->options->root;

        return root && strcmp(root, "/") ? root : "";
}

static void check_cron(Checkup *c, const Check *check) {
        Found found = {.c = c,
                       .check = check,
                       .remedy = "turn it off before the daemon starts: a # in front of it"};

        runner_lines_in_crontabs(root_of(c), on_found, on_unread, &found);
        tell_none(&found, "no crontab of this host runs the queue, unless through a script");
}

static void check_units(Checkup *c, const Check *check) {
        Found found = {.c = c,
                       .check = check,
                       .remedy = "before the daemon starts: systemctl disable --now the unit, and "
                                 "its timer"};

        runner_lines_in_units(root_of(c), on_found, on_unread, &found);
        tell_none(&found, "no unit of this host runs the queue, unless through a script");
}

/* Those of a container have a root of their own, and are processes of this host all the same. */
static void check_runners(Checkup *c, const Check *check) {
        Found found = {.c = c,
                       .check = check,
                       .remedy = "turn off what starts it, and wait until it has ended"};

        runner_lines_of_processes(on_found, &found);
        tell_none(&found, "no runner is at work on this host");
}

/* That it is missing is how it should be. */
static void check_schema(Checkup *c, const Check *check) {
        SchemaState state = {0};
        DbError error = {0};

        if (schema_check(c->plain, &state, &error))
                checkup_add_error(c, check->name, &error);
        else if (!state.version)
                checkup_add(c, check->name, LEVEL_NOTICE,
                            "when all of this is right, as the owner: registry-job schema install",
                            "schema jobd is not installed yet, or this role may not see it");
        else
                checkup_add(c, check->name, LEVEL_OK, NULL, "version %d is installed",
                            state.version);
}

/* The version is in a table of the Registry that the daemon's role has no use for. */
static void check_registry(Checkup *c, const Check *check) {
        PGresult *result = PQexec(c->plain, "SELECT has_table_privilege('public.meta', 'SELECT')");
        int is_hidden = PQntuples(result) == 1 && !strcmp(PQgetvalue(result, 0, 0), "f");

        PQclear(result);
        if (is_hidden)
                checkup_add(c, check->name, LEVEL_NOTICE,
                            "ask as the owner of the Registry's tables, too",
                            "this role may not see which Registry it is (public.meta)");
        else
                checkup_database(c, check);
}

static const Check checks[] = {
        {"cron", NEEDS_NO_DATABASE, check_cron, 0, TAKES_NOTHING},
        {"units", NEEDS_NO_DATABASE, check_units, 0, TAKES_NOTHING},
        {"runners", NEEDS_NO_DATABASE, check_runners, 0, TAKES_NOTHING},
        {"pooler", 0, checkup_pooler, 0, TAKES_NOTHING},
        {"schema", HAS_SESSION, check_schema, 0, TAKES_NOTHING},
        {"connection", HAS_SESSION, checkup_database, SQL_CHECK_CONNECTION, TAKES_NOTHING},
        {"rights", HAS_SESSION, checkup_database, SQL_MIGRATE_RIGHTS, TAKES_NOTHING},
        {"public", HAS_SESSION, checkup_database, SQL_CHECK_PUBLIC, TAKES_NOTHING},
        {"registry", HAS_SESSION, check_registry, SQL_MIGRATE_REGISTRY, TAKES_NOTHING},
        {"times", HAS_SESSION, checkup_database, SQL_MIGRATE_TIMES, TAKES_NOTHING},
        {"holders", HAS_SESSION, checkup_database, SQL_MIGRATE_HOLDERS, TAKES_HOST},
        {"models", HAS_SESSION, checkup_database, SQL_MIGRATE_MODELS, TAKES_MODELS},
        {"first", HAS_SESSION, checkup_database, SQL_MIGRATE_FIRST, TAKES_MODELS},
};

int cli_migrate(Cli *cli) {
        return checkup_run(cli, checks, ARRAY_SIZE(checks));
}
