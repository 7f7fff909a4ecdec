/* Reads the command line into one struct. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PARAMETER_FILES_MAX 64u
#define KEY_MAX 128u         /* characters of --once */
#define ACTOR_CHARS_MAX 256u /* jobs.actor_identifier */

typedef struct Options {
        const char *config; /* NULL: the usual file, if it exists */
        const char *co;     /* -c: an id, a name, or "all" */
        const char *job;    /* -j: Plugin.Model */
        int is_run;         /* -r */
        int is_synchronous; /* -s */
        int is_quiet, is_verbose, is_json;
        int may_duplicate;
        const char *once; /* the key with which only one job is registered; or NULL */
        int is_forced;
        const char *schedule; /* whose job is registered, with parameters of its file; or NULL */
        int is_migrate;       /* doctor: before the start on a queue that cron has drained */
        const char *root;     /* with it: where this host's files are looked for; NULL: / */
        int64_t max;          /* -m; 0: no limit */
        int64_t parallel;     /* -p; 0: as configured */
        int64_t delay, requeue_interval, retry_interval;
        int64_t max_retry;                   /* -1: none */
        char actor[4 * ACTOR_CHARS_MAX + 1]; /* "": the login name */
        const char *status;
        const char *model;         /* a part of its name */
        const char *text;          /* in parameters and summaries */
        const char *since, *until; /* see core/moment.h */
        int64_t person;            /* 0: all */
        int64_t limit, before;     /* 0: not given */
        int64_t interval;          /* of top, in seconds; 0: not given */
        const char *reason;        /* of a hold; or NULL */
        int is_requeued_always;    /* --requeue-always */
        int is_failed;             /* as --status failed */
        int is_dry_run, is_yes;
        const char *output, *label;
        const char *parameter_files[PARAMETER_FILES_MAX]; /* each "NAME=FILE" */
        size_t n_parameter_files;
        char **words; /* all that is no option: a verb and its arguments, or name=value */
        size_t n_words;
} Options;

/* Returns -1, or an exit code after printing the help or the version, or saying what is wrong. */
int options_parse(int argc, char *argv[], Options *ret);

void options_print_help(void);
