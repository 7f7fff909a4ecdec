/* What a model has, for the modules of this library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "exec/exec_model.h"
#include "exec/program.h"
#include "exec/verdict.h"
#include "util/clock.h"

/* See OutputLimits. */
#define EXEC_LINE_BYTES_MAX ((size_t) 64 * 1024)
#define EXEC_MESSAGES_MAX ((size_t) 1000000)
#define EXEC_LOGGED_LINES_MAX ((size_t) 1000000)

#define EXEC_KILL_AFTER_USEC (10 * USEC_PER_SEC)

typedef struct Resident Resident;

struct ExecModel {
        char *name; /* "Plugin.Model" */

        char **argv;   /* NULL until the command is given */
        char *missing; /* see exec_model_missing() */
        char *directory;
        char **environment; /* NAME=value words; n_environment of them */
        size_t n_environment;
        int cancel_signal;
        usec_t timeout_usec; /* 0: none */
        char *timeout;       /* in words; NULL: none was set */
        usec_t kill_after_usec;
        OutputLimits limits; /* smaller in tests */
        ProgramLimits program_limits;

        int is_resident;
        usec_t start_usec;  /* the program must be ready by then */
        char *start;        /* in words */
        int is_told;        /* the program tells the parameters itself */
        int starts_first;   /* the program runs before a job is claimed, */
        size_t n_told;      /* and tells of so many models */
        Resident *resident; /* where jobs are run: of this worker's set; see residents.h */

        struct rj_param_desc *params; /* ended by an empty one; NULL: none */
        size_t n_params;
        char *summary;
        struct rj_model model; /* the host's view of all this */
};
