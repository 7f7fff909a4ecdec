/* What became of the jobs that a verb was to change: a line or an object for each, then a count. */
#pragma once

#include "cli/cli.h"
#include "cli/output.h"
#include "core/change.h"

typedef struct Report {
        Cli *cli;
        const char *done; /* "canceled" */
        int is_single;    /* one id was given: it is answered as ever, without a count */
        ChangeCounts counts;
        OutputArray array;
        int code; /* of the output */
} Report;

/* A job that was changed, or would be: a line, and members of its object, which are freed. */
void report_done(Report *report, int32_t id, const char *line, json_t *members);

/* A job that was not changed, and why. */
void report_refused(Report *report, int32_t id, ChangeResult result, const char *why);

/* Says how many there were; ends the array if it `is_whole`. Returns the exit code. */
int report_end(Report *report, int is_whole);
