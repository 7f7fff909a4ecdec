/*
 * Real programs, small scripts in a directory of their own, and a table of host functions that
 * notes each call as a line of text.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "exec/exec_model.h"
#include "exec/exec_model_private.h"

#define NEVER_MSEC 30000 /* a test that waits so long has failed */

extern char exec_directory[];
extern const struct rj_host exec_host;

typedef struct Fake {
        struct rj_context context; /* first: the host functions get its address */
        uint32_t control;
        const char *json;
        const char *cancel_on; /* a call with this text brings the cancel */
        const char *lose_on;   /* a call with this text fails */
        char calls[16384];
        char summary[512];
} Fake;

/* Descriptors that this process has open. */
int count_fds(void);

/* A script of the directory; the path is the caller's. `body` may begin with its own "#!". */
char *write_script(const char *body, mode_t mode);

/* A model for `command`, or for a script that begins in the test's directory. */
ExecModel *model_of(const char *command);
ExecModel *model_named(const char *name, const char *command);
ExecModel *script(const char *body);

/* Makes the fake the context of a job of CO 2. */
void begin_job(Fake *fake, const ExecModel *model, int32_t job);

/* Fails unless `calls` are among those that were noted. */
void expect(const Fake *fake, const char *calls);

/* The read end of a FIFO that scripts know as "fifo": its end of file says that all are gone. */
int open_fifo(void);

/* Waits for a byte, or for the end where `n` is 0. */
void expect_read(int fd, ssize_t n);

/* Of the group of tests. */
int make_directory(void **state);
int remove_directory(void **state);
