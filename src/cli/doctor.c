/*
 * doctor: looks at everything that has to be right for jobs to run, and says what to do about what
 * is not. The table at the end has all checks in their order; how a check is made and shown is
 * checkup.h. A check that compares this host with the database, or that needs a session of its own,
 * is a function here.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/checkup.h"
#include "cli/schedule_check.h"
#include "cli/service_check.h"
#include "cli/verbs.h"
#include "config/config_program.h"
#include "core/when.h"
#include "util/process.h"

#define CLOCK_LIMIT_USEC 2000000

/* ---- this host and its connections ---- */

/* Of the file: what is wrong with it, and programs that are not where it says. */
static void check_configuration(Checkup *c, const Check *check) {
        const Problems *problems = c->cli->problems;
        char words[CONFIG_MISSING_SIZE];
        int found = problems->count != 0;

        for (const char *p = problems->text; *p;) {
                size_t n = strcspn(p, "\n");
                checkup_add(c, check->name, LEVEL_ERROR,
                            "correct it: no daemon starts with it, and none takes it with a reload",
                            "%.*s", (int) n, p);
                p += n + (p[n] != '\0');
        }
        for (size_t i = 0; config_missing(c->cli->config, i, words, sizeof(words)); i++) {
                checkup_add(c, check->name, LEVEL_ERROR,
                            "put the program there, or correct the section, and: systemctl reload "
                            "registry-jobd",
                            "%s", words);
                found = 1;
        }
        if (!found)
                checkup_add(c, check->name, LEVEL_OK, NULL, "nothing is wrong with it");
}

static void add_clock(Checkup *c, const Check *check, int64_t ahead_usec, int64_t half_usec) {
        int64_t size = ahead_usec < 0 ? -ahead_usec : ahead_usec;
        int is_off = size - half_usec > CLOCK_LIMIT_USEC;

        checkup_add(c, check->name, is_off ? LEVEL_WARNING : LEVEL_OK,
                    is_off ? "run a time service on both hosts" : NULL,
                    "the database's, which counts, is %.3f s %s this host's, give or take %.3f s",
                    (double) size / 1e6, ahead_usec < 0 ? "behind" : "ahead of",
                    (double) half_usec / 1e6);
}

/* The second of two round trips counts: the first one also prepares the statement. */
static void check_clock(Checkup *c, const Check *check) {
        for (int i = 0; i < 2; i++) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                Batch batch = {0};
                int64_t before = clock_wall_usec();

                batch_add(&batch, check->statement);
                if (checkup_statement(c, check, &batch, &reply))
                        return;
                int64_t half = (clock_wall_usec() - before) / 2;
                if (i)
                        add_clock(c, check, db_int(reply.results[0], 0, 0) - before - half, half);
        }
}

/* Finds out which supervisors are dead: a process of this host and boot is looked for. */
static void find_dead(Checkup *c, const Check *check) {
        enum { ID, IS_DAEMON, HAS_LAPSED, PID, TICKS };
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        batch_add(&batch, check->statement);
        batch_text(&batch, c->host);
        batch_text(&batch, c->boot);
        if (checkup_statement(c, check, &batch, &reply))
                return;
        const PGresult *r = reply.results[0];
        int n = db_rows(&reply, 0);
        c->dead = calloc((size_t) n + 1, sizeof(*c->dead));
        if (!c->dead) {
                checkup_add(c, check->name, LEVEL_ERROR, NULL, "could not look: out of memory");
                return;
        }
        for (int row = 0; row < n; row++) {
                int is_gone = !PQgetisnull(r, row, PID) &&
                              process_life((pid_t) db_int(r, row, PID), db_int(r, row, TICKS)) ==
                                      PROCESS_GONE;
                if (is_gone || db_bool(r, row, HAS_LAPSED))
                        c->dead[c->n_dead++] = (int32_t) db_int(r, row, ID);
                else
                        c->daemons += db_bool(r, row, IS_DAEMON);
        }
        c->has |= HAS_DEAD | (c->daemons > 0 ? HAS_MODELS : 0);
}

/* A service that is refused runs, and serves nothing: starting it is no remedy. */
static void check_daemons(Checkup *c, const Check *check) {
        if (c->daemons <= 0 && *c->service_remedy)
                checkup_add(
                        c, check->name, LEVEL_WARNING, c->service_remedy,
                        "no daemon serves the queue, because of what stands above under service: "
                        "queued jobs wait");
        else
                checkup_database(c, check);
}

/* ---- first jobs that nobody takes ---- */

enum { STUCK_JOB, STUCK_CO, STUCK_SECONDS };

static void add_stuck(Checkup *c, const Check *check, const PGresult *row, int n) {
        char span[WHEN_SIZE], advice[128];
        long long job = db_int(row, n, STUCK_JOB);

        when_span(db_int(row, n, STUCK_SECONDS), span);
        (void) snprintf(advice, sizeof(advice),
                        "registry-job why %lld; journalctl -t registry-jobd -p warning", job);
        checkup_add(c, check->name, LEVEL_WARNING, advice,
                    "job %lld of CO %lld has been ready for %s, its lane is free and so are "
                    "workers, and none takes it",
                    job, (long long) db_int(row, n, STUCK_CO), span);
}

static int has_job(const PGresult *rows, int64_t job) {
        for (int n = 0; n < PQntuples(rows); n++)
                if (db_int(rows, n, STUCK_JOB) == job)
                        return 1;
        return 0;
}

/* A lane that was given back a moment ago is no fault: what a second look finds as well is one. */
static void check_stuck(Checkup *c, const Check *check) {
        const struct timespec pause = {.tv_sec = 1};
        _cleanup_(db_reply_donep) DbReply first = {0}, second = {0};
        Batch batch = {0};
        int found = 0;

        batch_add(&batch, check->statement);
        if (checkup_statement(c, check, &batch, &first))
                return;
        if (db_rows(&first, 0)) {
                (void) nanosleep(&pause, NULL);
                batch_add(&batch, check->statement);
                if (checkup_statement(c, check, &batch, &second))
                        return;
        }
        for (int n = 0; n < db_rows(&second, 0); n++)
                if (has_job(first.results[0], db_int(second.results[0], n, STUCK_JOB))) {
                        add_stuck(c, check, second.results[0], n);
                        found++;
                }
        if (!found)
                checkup_add(c, check->name, LEVEL_OK, NULL, "no job waits for nothing");
}

static const Check checks[] = {
        {"configuration", NEEDS_NO_DATABASE, check_configuration, 0, TAKES_NOTHING},
        {"pooler", 0, checkup_pooler, 0, TAKES_NOTHING},
        {"schema", HAS_SESSION, checkup_schema, 0, TAKES_NOTHING},
        {"connection", HAS_SESSION, checkup_database, SQL_CHECK_CONNECTION, TAKES_NOTHING},
        {"settings", HAS_SESSION, checkup_database, SQL_CHECK_SETTINGS, TAKES_NOTHING},
        {"public", HAS_SESSION, checkup_database, SQL_CHECK_PUBLIC, TAKES_NOTHING},
        {"connections", HAS_SESSION, checkup_database, SQL_CHECK_CONNECTIONS, TAKES_NOTHING},
        {"notifications", HAS_SESSION, checkup_database, SQL_CHECK_NOTIFICATIONS, TAKES_NOTHING},
        {"sequences", HAS_SESSION, checkup_database, SQL_CHECK_SEQUENCES, TAKES_NOTHING},
        {"dead rows", HAS_SESSION, checkup_database, SQL_CHECK_DEAD_ROWS, TAKES_NOTHING},
        {"clock", HAS_SESSION, check_clock, SQL_CHECK_CLOCK, TAKES_NOTHING},
        {"transactions", HAS_SESSION, checkup_database, SQL_CHECK_TRANSACTIONS, TAKES_NOTHING},
        {"timezone", HAS_TABLES, checkup_database, SQL_CHECK_TIMEZONE, TAKES_NOTHING},
        {"triggers", HAS_SCHEMA, checkup_database, SQL_CHECK_TRIGGERS, TAKES_NOTHING},
        {"columns", HAS_SCHEMA, checkup_database, SQL_CHECK_COLUMNS, TAKES_NOTHING},
        {"service", RUNS_ANYWAY, check_service, 0, TAKES_NOTHING},
        {"rights", HAS_SCHEMA, checkup_database, SQL_CHECK_RIGHTS, TAKES_SERVICE},
        {"origin", HAS_TABLES, checkup_database, SQL_CHECK_ORIGIN, TAKES_NOTHING},
        {"supervisors", HAS_TABLES, find_dead, SQL_SUPERVISOR_DEAD, TAKES_NOTHING},
        {"daemons", HAS_DEAD, check_daemons, SQL_CHECK_DAEMONS, TAKES_DEAD},
        {"supervisors", HAS_DEAD, checkup_database, SQL_CHECK_SUPERVISORS, TAKES_DEAD},
        {"trouble", HAS_NEWEST | HAS_DEAD, checkup_database, SQL_CHECK_TROUBLE, TAKES_DEAD},
        {"lanes", HAS_TABLES, checkup_database, SQL_CHECK_LANES, TAKES_NOTHING},
        {"stalled", HAS_TABLES, checkup_database, SQL_CHECK_STALLED, TAKES_NOTHING},
        {"stopping", HAS_NEWEST, checkup_database, SQL_CHECK_STOPPING, TAKES_NOTHING},
        {"queue", HAS_TABLES, checkup_database, SQL_CHECK_QUEUE, TAKES_DAEMONS},
        {"models", HAS_NEWEST | HAS_DEAD | HAS_MODELS, checkup_database, SQL_CHECK_MODELS,
         TAKES_MODELS},
        {"holds", HAS_NEWEST, checkup_database, SQL_CHECK_HOLDS, TAKES_NOTHING},
        {"chains", HAS_NEWEST, checkup_database, SQL_CHECK_CHAINS, TAKES_NOTHING},
        {"stuck", HAS_NEWEST, check_stuck, SQL_CHECK_STUCK, TAKES_NOTHING},
        {"schedules", HAS_NEWEST | HAS_DEAD, check_schedules, SQL_CHECK_SCHEDULE, TAKES_NOTHING},
        {"refused", HAS_TABLES, checkup_database, SQL_CHECK_REFUSED, TAKES_NOTHING},
        {"errors", HAS_TABLES, checkup_database, SQL_CHECK_ERRORS, TAKES_NOTHING},
        {"holders", HAS_TABLES, checkup_database, SQL_CHECK_HOLDERS, TAKES_HOST},
};

int verb_doctor(Cli *cli) {
        return cli->options->is_migrate ? cli_migrate(cli)
                                        : checkup_run(cli, checks, ARRAY_SIZE(checks));
}
