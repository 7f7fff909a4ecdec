/* Lists of jobs: a filter, and the statement that finds a page of jobs for it. */
#pragma once

#include "core/job.h"
#include "core/when.h"
#include "db/db.h"

/* All zero but the times, which are WHEN_NEVER, is a filter that all jobs pass. */
typedef struct JobFilter {
        int64_t before;    /* ids below this; 0: all */
        int32_t co_id;     /* 0: all */
        int32_t person_id; /* jobs with a history record about the person; 0: all */
        unsigned states;   /* bit 1u << JOB_x for each; 0: all */
        const char *model; /* a part of its name, in any case of letters; NULL: all */
        const char *text;  /* a part of a summary or of the parameters, likewise */
        int64_t since;     /* when it ended, or else started or was registered: from then on */
        int64_t until;     /* ... and before then */
        int is_unrepeated; /* those that no retry or requeue follows */
} JobFilter;

/* What a page had. */
typedef struct JobPage {
        int rows;       /* jobs, in the first rows of the result */
        int columns;    /* of a job, the first of the result */
        int64_t before; /* the next page has ids below this; 0: there is none */
} JobPage;

/*
 * Adds the statement for a page of at most `max` jobs. It looks at a bounded number of jobs: a page
 * may be empty although another one follows.
 */
void job_list_add(Batch *batch, const JobFilter *filter, int max);

void job_list_read(const PGresult *result, const JobFilter *filter, int max, JobPage *ret);
