/* The table of verbs. */
#pragma once

#include "cli/cli.h"

typedef struct Verb {
        const char *name;
        const char *argument; /* for the help, or NULL */
        const char *help;
        size_t min_words, max_words; /* of arguments behind the verb */
        int (*run)(Cli *cli);        /* returns an exit code; words[0] is the verb */
} Verb;

/* NULL when there is none of that name. */
const Verb *verbs_find(const char *name);

void verbs_print_help(void);

/* One file each, or a few of a kind. */
int verb_list(Cli *cli);
int verb_show(Cli *cli);
int verb_history(Cli *cli);
int verb_queue(Cli *cli);
int verb_plugins(Cli *cli);
int verb_status(Cli *cli);
int verb_watch(Cli *cli);
int verb_cancel(Cli *cli);
int verb_retry(Cli *cli);
int verb_why(Cli *cli);
int verb_settle(Cli *cli);
int verb_doctor(Cli *cli);
int verb_metrics(Cli *cli);
int verb_schema(Cli *cli);

/* Without a verb: -j, and -r. */
int cli_register(Cli *cli);
int cli_drain(Cli *cli);
