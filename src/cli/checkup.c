/*
 * A check of the database is one statement, db/sql/check_*.sql or migrate_*.sql, whose rows are
 * findings ready to print: level, text, remedy, and a PID of this host to look at. Each statement
 * is a round trip of its own: one that the server refuses is one finding, and the rest goes on.
 */
#include "cli/checkup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/models.h"
#include "cli/output.h"
#include "db/connect.h"
#include "db/schema.h"
#include "util/process.h"
#include "util/text.h"

#define SHOWN_MAX 50 /* findings of one check */

static const char *const level_names[] = {"ok", "notice", "warning", "error"};

static void print_finding(const Checkup *c, const char *check, Level level, const char *text,
                          const char *remedy) {
        char line[1024];

        if (c->cli->options->is_quiet && level == LEVEL_OK)
                return;
        (void) snprintf(line, sizeof(line), "%-8s %-13s %s", level_names[level], check, text);
        output_line(line);
        if (!*remedy)
                return;
        (void) snprintf(line, sizeof(line), "%-22s -> %s", "", remedy);
        output_line(line);
}

/* Texts may have words of the database in them: they are made UTF-8, and cut. */
void checkup_add(Checkup *c, const char *check, Level level, const char *remedy, const char *format,
                 ...) {
        char whole[2048], text[768], advice[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(whole, sizeof(whole), format, ap);
        va_end(ap);
        (void) text_copy_utf8(text, sizeof(text), 0, whole);
        (void) text_copy_utf8(advice, sizeof(advice), 0, remedy);
        c->worst = MAX_OF(c->worst, level);
        if (!c->findings) {
                print_finding(c, check, level, text, advice);
                return;
        }
        (void) json_array_append_new(c->findings,
                                     json_pack("{ss ss ss so}", "check", check, "result",
                                               level_names[level], "text", text, "remedy",
                                               *advice ? json_string(advice) : json_null()));
}

void checkup_add_error(Checkup *c, const char *check, const DbError *error) {
        int is_slow = !strcmp(error->sqlstate, "57014") || !strcmp(error->sqlstate, "55P03");

        if (is_slow)
                checkup_add(c, check, LEVEL_NOTICE, "run it again when the database is less busy",
                            "not looked at, because it took too long: %s", error->message);
        else
                checkup_add(c, check, LEVEL_ERROR, sqlstate_hint(error->class),
                            "could not look: %s", error->message);
}

int checkup_statement(Checkup *c, const Check *check, Batch *batch, DbReply *reply) {
        if (!db_run(c->cli->db, batch, reply))
                return 0;
        checkup_add_error(c, check->name, &reply->error);
        return 1;
}

/* ---- rows of the database ---- */

enum { ROW_LEVEL, ROW_TEXT, ROW_REMEDY, ROW_PID };

/* A word that is no level is a fault of ours, and is no reason to say less. */
Level checkup_level(const char *name) {
        for (int i = LEVEL_OK; name && i < LEVEL_ERROR; i++)
                if (!strcmp(name, level_names[i]))
                        return (Level) i;
        return LEVEL_ERROR;
}

static Level level_of(const PGresult *result, int row) {
        return checkup_level(db_text(result, row, ROW_LEVEL));
}

/* A job that `pid` of this host should be running, and whether there is such a process. */
static void add_finding_here(Checkup *c, const char *check, Level level, const char *remedy,
                             const char *text, int64_t pid) {
        char process[PROCESS_NAME_SIZE], advice[256];

        if (pid <= 0 || process_name((pid_t) pid, process)) {
                checkup_add(c, check, level, remedy, "%s; there is no such process on this host",
                            text);
                return;
        }
        (void) snprintf(advice, sizeof(advice),
                        "if that is its runner, end it; then %s (--force if it is not)", remedy);
        checkup_add(c, check, level, advice, "%s; that PID is '%s' now", text, process);
}

static void add_row(Checkup *c, const char *check, const PGresult *result, int row) {
        const char *text = db_text(result, row, ROW_TEXT),
                   *remedy = db_text(result, row, ROW_REMEDY);
        Level level = level_of(result, row);

        if (PQnfields(result) > ROW_PID && !PQgetisnull(result, row, ROW_PID))
                add_finding_here(c, check, level, remedy ? remedy : "", text ? text : "",
                                 db_int(result, row, ROW_PID));
        else
                checkup_add(c, check, level, remedy, "%s", text ? text : "");
}

static void add_rows(Checkup *c, const char *check, const PGresult *result) {
        int n = PQntuples(result);
        Level worst = LEVEL_OK;

        for (int row = 0; row < n; row++) {
                if (row < SHOWN_MAX)
                        add_row(c, check, result, row);
                else
                        worst = MAX_OF(worst, level_of(result, row));
        }
        if (n > SHOWN_MAX)
                checkup_add(c, check, worst, "put the above right, and run it again",
                            "%d more are like that", n - SHOWN_MAX);
}

/* What the plugins and programs of this host would provide after a start. */
static void add_models(Checkup *c, Batch *batch) {
        if (c->daemons <= 0 && !c->models)
                c->models = models_array(c->cli);
        batch_text(batch, c->models ? c->models : "{}");
}

void checkup_database(Checkup *c, const Check *check) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, check->statement);
        switch (check->takes) {
        case TAKES_NOTHING:
                break;
        case TAKES_DEAD:
                batch_int_array(&batch, c->dead, c->n_dead);
                break;
        case TAKES_DAEMONS:
                batch_bool(&batch, c->daemons > 0);
                break;
        case TAKES_HOST:
                batch_text(&batch, c->host);
                break;
        case TAKES_MODELS:
                add_models(c, &batch);
                break;
        case TAKES_SERVICE:
                batch_bool(&batch, !c->has_service);
                break;
        }
        if (!checkup_statement(c, check, &batch, &reply))
                add_rows(c, check->name, reply.results[0]);
}

/* Not a statement of its own: one that names a table which is not there cannot be prepared. */
void checkup_schema(Checkup *c, const Check *check) {
        SchemaState state = {0};
        DbError error = {0};
        char words[256];

        int r = schema_check(c->plain, &state, &error);
        if (r && !strcmp(error.sqlstate, "42501")) {
                c->has |= HAS_SCHEMA; /* it is there: the check of rights says what is missing */
                return;
        }
        if (r) {
                checkup_add_error(c, check->name, &error);
                return;
        }
        const char *remedy = schema_judge(&state, words, sizeof(words));
        checkup_add(c, check->name, remedy ? LEVEL_ERROR : LEVEL_OK, remedy, "%s", words);
        if (state.version)
                c->has |= HAS_SCHEMA | HAS_TABLES;
        if (state.version >= schema_version_needed())
                c->has |= HAS_NEWEST;
}

void checkup_pooler(Checkup *c, const Check *check) {
        DbError error = {0};
        int is_between = 0;

        if (db_open_plain(&c->cli->settings, &c->plain, &error)) {
                checkup_add_error(c, "connection", &error);
                return;
        }
        int r = connect_check_pooler(c->plain, &c->cli->settings, &is_between, &error);
        if (r == DB_E_POOLER)
                checkup_add(c, check->name, LEVEL_ERROR,
                            "connect the daemon to the server itself, or to a pool in session mode",
                            "a connection pooler in transaction mode is in between: LISTEN and "
                            "prepared statements get lost");
        else if (r)
                checkup_add_error(c, check->name, &error);
        else if (is_between)
                checkup_add(c, check->name, LEVEL_NOTICE,
                            "if notifications get lost, connect the daemon to the server itself",
                            "a connection pooler is in between, in session mode as it seems");
        else
                checkup_add(c, check->name, LEVEL_OK, NULL, "none: this is the server itself");
        if (!r)
                c->has |= HAS_SESSION;
}

/* CLI_OK, or a code when the database is not to be reached, which is a finding as well. */
static int run_checks(Checkup *c, const Check checks[], size_t n) {
        DbError error = {0};

        for (size_t i = 0; i < n; i++)
                if (checks[i].needs & NEEDS_NO_DATABASE)
                        checks[i].run(c, &checks[i]);
        int code = cli_open(c->cli, &error);
        if (code) {
                const char *hint =
                        error.is_refused ? sqlstate_refused_hint : sqlstate_hint(error.class);
                checkup_add(
                        c, "connection", LEVEL_ERROR,
                        hint ? hint
                             : "is the server running, are [database] conninfo, the role and its "
                               "password right, and is it no standby and "
                               "default_transaction_read_only off?",
                        "%s", error.message);
                (void) text_copy_utf8(c->unreached, sizeof(c->unreached), 0, error.message);
        }
        for (size_t i = 0; i < n; i++)
                if (code ? checks[i].needs & RUNS_ANYWAY
                         : !(checks[i].needs & ~(c->has | RUNS_ANYWAY)))
                        checks[i].run(c, &checks[i]);
        PQfinish(c->plain);
        free(c->dead);
        free(c->models);
        return code;
}

int checkup_run(Cli *cli, const Check checks[], size_t n) {
        Checkup c = {.cli = cli, .findings = cli->options->is_json ? json_array() : NULL};

        if (process_host(c.host) || process_boot(c.boot)) {
                cli_say("could not find out which host this is");
                json_decref(c.findings);
                return CLI_FAILED;
        }
        if (!cli->problems->count)
                c.has |= HAS_MODELS;
        int code = run_checks(&c, checks, n);
        int printed = CLI_OK;
        if (cli->options->is_json)
                printed = output_value_json(
                        json_pack("{ss so}", "result", level_names[c.worst], "checks", c.findings));
        if (code || printed)
                return code ? code : printed;
        return c.worst > LEVEL_NOTICE ? CLI_FAILED : CLI_OK;
}
