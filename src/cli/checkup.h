/*
 * Checks and their findings: a verb has a table of checks, which are made in order and shown as
 * they come. A finding has a level, a text, and what to do about it.
 */
#pragma once

#include <jansson.h>

#include "cli/cli.h"
#include "db/pg.h"
#include "util/process.h"

typedef enum Level {
        LEVEL_OK,
        LEVEL_NOTICE,  /* good to know */
        LEVEL_WARNING, /* something is not as it should be, work goes on */
        LEVEL_ERROR,   /* jobs do not run as long as it is so */
} Level;

/* What earlier checks have found, and later ones need. */
enum {
        HAS_SESSION = 1,        /* prepared statements survive on this connection */
        HAS_SCHEMA = 2,         /* schema jobd is there, or could not be seen */
        HAS_TABLES = 4,         /* schema jobd is there, of whichever version */
        HAS_DEAD = 8,           /* it is known which supervisors are dead */
        HAS_NEWEST = 16,        /* schema jobd is as new as this program */
        NEEDS_NO_DATABASE = 32, /* a check of this host: made before anything else */
        HAS_MODELS = 64,        /* it is known which models there are */
        RUNS_ANYWAY = 128,      /* made without a connection, too */
};

/* What this host knows and a statement takes as its parameter. */
typedef enum Takes {
        TAKES_NOTHING,
        TAKES_DEAD,    /* the supervisors that are dead */
        TAKES_DAEMONS, /* whether a daemon is alive */
        TAKES_HOST,    /* the name of this host */
        TAKES_MODELS,  /* those of this host's configuration, where no daemon is alive */
        TAKES_SERVICE, /* whether no other role than that of who asks serves the queue */
} Takes;

typedef struct Checkup {
        Cli *cli;
        json_t *findings; /* with --json; else they are printed as they come */
        Level worst;
        int has; /* HAS_* */
        PGconn *plain;
        char host[HOST_NAME_SIZE], boot[BOOT_ID_SIZE];
        int32_t *dead; /* ids of supervisors */
        size_t n_dead;
        int daemons;     /* alive */
        char *models;    /* of this host's configuration, as an array; NULL: not asked yet */
        int has_service; /* the service logs in as somebody else: service_check.h */
        char service_remedy[512]; /* lets it in, when it is refused; or "" */
        char unreached[768];      /* why who asks cannot connect, or "" */
} Checkup;

typedef struct Check {
        const char *name;
        int needs; /* HAS_*; without them it is left out */
        void (*run)(Checkup *checkup, const struct Check *check);
        SqlId statement; /* of those that have one */
        Takes takes;
} Check;

/*
 * Makes the checks of a table. Returns CLI_OK when there is nothing worse than a notice,
 * CLI_FAILED, or a code when the database is not to be reached, which is a finding as well.
 */
int checkup_run(Cli *cli, const Check checks[], size_t n);

/* Texts may have words of the database in them: they are made UTF-8, and cut. */
void checkup_add(Checkup *c, const char *check, Level level, const char *remedy, const char *format,
                 ...) _printf_(5, 6);

/* The level of that name; LEVEL_ERROR for none. */
Level checkup_level(const char *name);

/* That a check could not be done. */
void checkup_add_error(Checkup *c, const char *check, const DbError *error);

/* Runs the one statement of a batch; 0, or 1 after adding that it failed. */
int checkup_statement(Checkup *c, const Check *check, Batch *batch, DbReply *reply);

/* A check that is a statement. */
void checkup_database(Checkup *c, const Check *check);

/* The schema jobd: which version, and whether this program can use it. */
void checkup_schema(Checkup *c, const Check *check);

/*
 * Opens the plain connection, with statements that are not prepared, because those are what a
 * pooler breaks, and looks for one.
 */
void checkup_pooler(Checkup *c, const Check *check);
