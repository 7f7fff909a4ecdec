/* How a process ended, in words for a finish summary. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

typedef enum OutcomeKind {
        OUTCOME_EXITED,
        OUTCOME_SIGNALED,
        OUTCOME_UNKNOWN, /* nobody waited for it: its supervisor died as well */
        OUTCOME_BELATED, /* its end was settled, and then the server came to its last batch */
} OutcomeKind;

typedef struct Outcome {
        OutcomeKind kind;
        int value; /* exit code or signal */
        int has_core;
        int is_oom; /* a SIGKILL at a time when the kernel killed for want of memory */
} Outcome;

/* Why a worker was ended on purpose: by its own watch, which notes it in the status page. */
typedef enum EndedBy {
        ENDED_BY_NOBODY,
        ENDED_BY_LEASE,    /* the supervisor's lease has lapsed */
        ENDED_BY_RUN_TIME, /* [limits] */
        ENDED_BY_CPU_TIME,
        ENDED_BY_MEMORY,
        ENDED_BY_OPEN, /* open() or close() of a plugin has a limit, too */
        ENDED_BY_HANG, /* a step of the worker itself, not of its plugin, did not end */
        _ENDED_BY_MAX,
} EndedBy;

/* "its run time limit"; NULL for ENDED_BY_NOBODY and for what is none of them. */
const char *ended_by_words(EndedBy ended_by);

/*
 * "terminated unexpectedly (killed by SIGSEGV, core dumped)"; with the reason that we had to end it
 * ourselves in `why`, "ended by shutdown (killed by SIGTERM)".
 */
void outcome_describe(Outcome outcome, const char *why, char *text, size_t size);

/*
 * What a plugin could not go on from: "lost connection to the database" or "database error", with
 * the server's words, or those of the plugin when the server said nothing.
 */
void outcome_describe_error(int is_lost, const char *server, const char *plugin, char *text,
                            size_t size);

/* How the end of a job is written. What a server refuses is written with less. */
typedef enum EndForm {
        END_AS_IT_WAS,
        END_WITHOUT_WORDS,
        END_AS_FAILED, /* of a Complete job: with the server's words */
        END_AS_FAILED_WITHOUT_WORDS,
        _END_FORM_MAX, /* nothing is left to be tried */
} EndForm;

/* The form that comes after one that was refused. */
EndForm outcome_next_form(EndForm refused, int is_complete);

/* What a process has used, as far as it is known. */
typedef struct JobUsage {
        int is_known;
        usec_t wall_usec;    /* since its plugin was called; 0: not known, or it was not */
        usec_t cpu_usec;     /* since then */
        uint64_t peak_bytes; /* of memory, of the whole life of its worker */
} JobUsage;

/*
 * Adds to the words of outcome_describe(): "...; ran 3.2 s, CPU time 1.1 s, peak memory of its
 * worker 45.2 MB". Adds nothing where nothing is known.
 */
void outcome_add_usage(const JobUsage *usage, char *text, size_t size);
