/* The table of verbs. */
#pragma once

#include "cli/cli.h"

/* What a verb does with a configuration that config_read() refuses, and config_read_lenient() not.
 */
typedef enum Tolerance {
        REFUSES_PROBLEMS,
        SAYS_PROBLEMS,   /* and goes on, because it needs nothing but the database */
        LEAVES_PROBLEMS, /* the same; it shows them itself, or is not to say a word */
} Tolerance;

typedef struct Verb {
        const char *name;
        const char *argument; /* shown in the help, or NULL */
        const char *help;
        size_t min_words, max_words; /* number of arguments after the verb */
        int (*run)(Cli *cli);        /* returns an exit code; words[0] is the verb */
        Tolerance tolerance;
} Verb;

/* The verb of that name, or NULL. */
const Verb *verbs_find(const char *name);

/* The name of the verb that may have been meant, or NULL. */
const char *verbs_near(const char *name);

void verbs_print_help(void);

/* Verbs of one kind share a file. */
int verb_list(Cli *cli);
int verb_show(Cli *cli);
int verb_history(Cli *cli);
int verb_log(Cli *cli);
int verb_queue(Cli *cli);
int verb_plugins(Cli *cli);
int cli_migrate(Cli *cli); /* doctor --migrate */
int verb_status(Cli *cli);
int verb_watch(Cli *cli);
int verb_top(Cli *cli);
int verb_cancel(Cli *cli);
int verb_retry(Cli *cli);
int verb_why(Cli *cli);
int verb_settle(Cli *cli);
int verb_hold(Cli *cli);
int verb_release(Cli *cli);
int verb_doctor(Cli *cli);
int verb_metrics(Cli *cli);
int verb_schema(Cli *cli);
int verb_schedule(Cli *cli);
int verb_complete(Cli *cli);

/* -j and -r, which have no verb. */
int cli_register(Cli *cli);
int cli_drain(Cli *cli);
