/* What becomes of jobs that somebody wants to change, one or thousands of them, and the words for
 * it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/job.h"

/* In the order of their weight: the worst of many counts. */
typedef enum ChangeResult {
        CHANGE_DONE,
        CHANGE_REFUSED,
        CHANGE_NOT_FOUND,
        _CHANGE_MAX,
} ChangeResult;

typedef struct ChangeCounts {
        size_t n[_CHANGE_MAX];
} ChangeCounts;

/* The worst result that there is; CHANGE_DONE when there is none. */
ChangeResult change_worst(const ChangeCounts *counts);

#define CHANGE_WORDS_SIZE 400

/* "12 canceled, 1 refused, 2 not there"; `done` is the word for the first. */
void change_count_words(const ChangeCounts *counts, const char *done,
                        char words[CHANGE_WORDS_SIZE]);

/* The jobs that can be canceled, or queued again: bits as 1u << JOB_x. */
#define CHANGE_CANCEL_STATES (1u << JOB_QUEUED | 1u << JOB_ASSIGNED | 1u << JOB_IN_PROGRESS)
#define CHANGE_RETRY_STATES (1u << JOB_FAILED | 1u << JOB_CANCELED)

/* A job as it is: what job_look.sql and job_retry.sql tell. */
typedef struct ChangeFacts {
        int32_t id;
        int is_found;
        int32_t co_id;
        JobState state;
        const char *plugin; /* NULL or "": none */
        int64_t bytes;      /* of its parameters */
        int32_t successor;  /* its retry or requeue, or 0 */
        int32_t waiting;    /* the job that makes a retry a duplicate, or 0 */
} ChangeFacts;

/* What a cancel comes to; unless it is done, `why` gets a sentence. */
ChangeResult change_judge_cancel(const ChangeFacts *facts, char why[CHANGE_WORDS_SIZE]);

/* What a retry comes to, likewise; for one that is not judged by what the database did. */
ChangeResult change_judge_retry(const ChangeFacts *facts, int may_duplicate,
                                char why[CHANGE_WORDS_SIZE]);
