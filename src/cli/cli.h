/* registry-job: what every verb is given, and the codes that they end with. */
#pragma once

#include "cli/options.h"
#include "core/history.h"
#include "db/job_store.h"
#include "db/pg.h"
#include "supervisor/config.h"
#include "util/log.h"

/* Documented in registry-job(1). */
enum {
        CLI_OK = 0,
        CLI_FAILED = 1,       /* the job failed, or the request was refused */
        CLI_USAGE = 2,        /* words or options that make no sense */
        CLI_NOT_FOUND = 3,    /* no such job */
        CLI_CANCELED = 4,     /* the job was canceled */
        CLI_UNAVAILABLE = 69, /* EX_UNAVAILABLE: the database was not to be reached */
        CLI_CONFIG = 78,      /* EX_CONFIG */
};

typedef struct Cli {
        const Options *options;
        Config *config;
        DbSettings settings;
        Db *db;     /* opened by cli_connect() */
        int log_fd; /* see SupervisorArgs */
} Cli;

/* Opens the connection, if it is not open; CLI_OK or CLI_UNAVAILABLE after saying why. */
int cli_connect(Cli *cli);

/* As cli_connect(), but leaves the saying to the caller. */
int cli_open(Cli *cli, DbError *ret_error);

/* Runs a batch; CLI_OK, or an exit code after saying what went wrong. */
int cli_run(Cli *cli, Batch *batch, DbReply *reply);

/* Says what went wrong, and what helps; the exit code for it. */
int cli_say_error(const DbError *error);

/* One line to standard error, "registry-job: ...". */
void cli_say(const char *format, ...) _printf_(1, 2);

/* As cli_say(), unless --quiet. */
void cli_tell(const Cli *cli, const char *format, ...) _printf_(2, 3);

/*
 * The same to the journal, so that `journalctl JOB_ID=n` tells what was done to a job by hand.
 * Shows nothing.
 */
void cli_note(const LogFields *fields, const char *format, ...) _printf_(2, 3);

/* That a job was registered. */
void cli_note_registered(const Cli *cli, const Registration *registration, int32_t id);

/* Every line of the problems to standard error. */
void cli_say_problems(const Problems *problems);

/* Who asks: --actor, or the login name. Lives for ever. */
const char *cli_actor(const Cli *cli);

/* The id in the verb's argument `i`; CLI_USAGE after saying so when it is none. */
int cli_id(const Cli *cli, size_t i, int32_t *ret);

/*
 * The job whose id is the verb's first argument, as job_show gives it; CLI_NOT_FOUND and others
 * after saying why not.
 */
int cli_find(Cli *cli, int32_t *ret_id, DbReply *reply);

/* Exit code for how a job ended. */
int cli_code_of(JobState state);
