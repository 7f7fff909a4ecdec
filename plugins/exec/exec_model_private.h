/* What a section [exec "Plugin.Model"] says, for the modules of this plugin. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "exec/exec_model.h"
#include "exec/line_buffer.h"
#include "exec/program.h"
#include "util/clock.h"

/* Of what a program writes to each of its two outputs. Beyond that it is ended. */
#define EXEC_LINE_BYTES_MAX ((size_t) 64 * 1024)
#define EXEC_LINES_MAX ((size_t) 1000000)

#define EXEC_KILL_AFTER_USEC (10 * USEC_PER_SEC)

struct ExecModel {
        char *name;     /* "Plugin.Model" */
        uint32_t given; /* which keys, one bit for each row of their table */

        char **argv; /* NULL until the command is given */
        char *directory;
        char **environment; /* NAME=value words; n_environment of them */
        size_t n_environment;
        int cancel_signal;
        usec_t timeout_usec; /* 0: none */
        char *timeout;       /* as configured; NULL: none */
        usec_t kill_after_usec;
        LineLimits limits; /* smaller in tests */
        ProgramLimits program_limits;

        struct rj_param_desc *params; /* ended by an empty one; NULL: none */
        size_t n_params;
        char *summary;
        struct rj_model model; /* the host's view of all this */
};
