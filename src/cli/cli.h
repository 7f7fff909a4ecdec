/* The state of registry-job that every verb is given, its exit codes, and its ways to speak. */
#pragma once

#include "cli/options.h"
#include "config/config.h"
#include "core/history.h"
#include "db/job_store.h"
#include "db/pg.h"
#include "util/log.h"

/* Documented in registry-job(1). */
enum {
        CLI_OK = 0,
        CLI_FAILED = 1,       /* the job failed, or the request was refused */
        CLI_USAGE = 2,        /* words or options that make no sense */
        CLI_NOT_FOUND = 3,    /* no such job */
        CLI_CANCELED = 4,     /* the job was canceled */
        CLI_UNAVAILABLE = 69, /* EX_UNAVAILABLE: the database could not be reached */
        CLI_CONFIG = 78,      /* EX_CONFIG */
};

/* How long the last words wait for room when the jobs are over: somebody may have pressed Ctrl-S.
 */
#define CLI_PATIENCE_USEC (5 * USEC_PER_SEC)

typedef struct Cli {
        const Options *options;
        Config *config;
        const Problems *problems; /* of the configuration, which goes without models then */
        DbSettings settings;
        Db *db;     /* opened by cli_connect() */
        int log_fd; /* see SupervisorArgs */
} Cli;

/* Opens the connection unless it is open. Returns CLI_OK, or an exit code after saying why not. */
int cli_connect(Cli *cli);

/* As cli_connect(), but says nothing: the error is in `ret_error`. */
int cli_open(Cli *cli, DbError *ret_error);

/* Runs a batch. Returns CLI_OK, or an exit code after saying what went wrong. */
int cli_run(Cli *cli, Batch *batch, DbReply *reply);

/* Says what went wrong, with a hint. Returns the exit code for it. */
int cli_say_error(const DbError *error);

/* Writes one line to standard error: "registry-job: ...". No terminal obeys what is in it. */
void cli_say(const char *format, ...) _printf_(1, 2);

/* As cli_say(); writes nothing with --quiet. */
void cli_tell(const Cli *cli, const char *format, ...) _printf_(2, 3);

/*
 * Writes one line to the journal only, so that `journalctl JOB_ID=n` also tells what people did to
 * a job.
 */
void cli_note(const LogFields *fields, const char *format, ...) _printf_(2, 3);

/* Writes to the journal that a job was registered, as a retry of another one or, with 0, of none.
 */
void cli_note_registered(const Cli *cli, const Registration *registration, int32_t id,
                         int32_t retried_id);

/* Says why not: job `waiting` is the same, or, with 0, that could not be found out. A code. */
int cli_say_unregistered(int32_t co_id, int32_t waiting);

/* Writes every problem to standard error, a line each. */
void cli_say_problems(const Problems *problems);

/* Says that memory is exhausted. Returns CLI_FAILED. */
int cli_say_memory(void);

/* The name of the user: --actor, or the login name. The string is static. */
const char *cli_actor(const Cli *cli);

/* As cli_actor(), cut so that a summary with words of its own has room for it. */
#define CLI_ACTOR_CHARS 180
#define CLI_ACTOR_SIZE (4 * CLI_ACTOR_CHARS + 1)
void cli_actor_brief(const Cli *cli, char actor[CLI_ACTOR_SIZE]);

/* Reads the job id in word `i`. Returns CLI_OK, or CLI_USAGE after saying that it is none. */
int cli_id(const Cli *cli, size_t i, int32_t *ret);

/*
 * Reads the job whose id is the verb's first argument; the columns are those of job_show.sql.
 * Returns CLI_OK, or CLI_NOT_FOUND or another code after saying why not.
 */
int cli_find(Cli *cli, int32_t *ret_id, DbReply *reply);

/* The exit code for a job that ended so. */
int cli_code_of(JobState state);
