/* Writes to descriptors that other processes share, that nobody may read, and whose reader may go.
 */
#pragma once

#include <stddef.h>

#include "util/clock.h"

/*
 * Ignores the signals that a write can raise: no reader is left (SIGPIPE), the file is as long as
 * it may be (SIGXFSZ), this process is in the background of its terminal (SIGTTOU). The write fails
 * instead, or succeeds. Prepares the timers of writer_put(). Forked children inherit all of it.
 */
void writer_prepare(void);

/*
 * Writes all of `data`, and waits for room as long as `patience_usec` says: USEC_INFINITY is for
 * ever, 0 not at all. Returns 0; -EAGAIN when there was no room in time; or -errno. *ret_written is
 * how much was written: of what fits into PIPE_BUF a pipe takes all or nothing.
 */
int writer_put(int fd, const char *data, size_t size, usec_t patience_usec, size_t *ret_written);
