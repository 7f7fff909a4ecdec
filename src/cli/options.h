/* The command line, read into one struct; nothing is done yet. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Options {
        const char *config; /* NULL: the default file, if it is there */
        const char *co;     /* -c: an id, or "all" */
        const char *job;    /* -j: Plugin.Model */
        int is_run;         /* -r */
        int is_synchronous; /* -s */
        int is_quiet, is_verbose, is_json;
        int may_duplicate;
        int is_forced;
        int64_t max;      /* -m; 0: no limit */
        int64_t parallel; /* -p; 0: as configured */
        int64_t delay, requeue_interval, retry_interval;
        int64_t max_retry; /* -1: none */
        const char *actor;
        const char *status;
        const char *plugin;
        int64_t limit, before;
        const char *output, *label;
        char **words; /* what is not an option: a verb and its arguments, or name=value */
        size_t n_words;
} Options;

/* Returns -1 to go on, or an exit code: help or version was printed, or an error said. */
int options_parse(int argc, char *argv[], Options *ret);

void options_print_help(void);
