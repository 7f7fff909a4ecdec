/* Our ends of the pipes between a worker and its program: made, written to, read line by line. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "exec/line_buffer.h"

/* One line; `is_cut`: it was too long, and this is its beginning. A result but 0 is passed up. */
typedef int (*LineFn)(void *userdata, char *line, size_t length, int is_cut);

typedef struct Stream {
        int *fd; /* of its owner, not blocking; -1 after the end */
        LineBuffer buffer;
        LineFn on_line;
        void *userdata; /* of on_line() */
} Stream;

/* Makes a pipe, closed on exec. Returns 0 or -errno. */
int pipe_make(int *ret_read, int *ret_write);

/* Of our end only: a program gets pipes as it expects them. Returns 0 or -errno. */
int pipe_set_nonblocking(int fd);

void pipe_close(int *fd);

/* write(2), without the signal where nobody reads. */
ssize_t pipe_write(int fd, const void *data, size_t size);

/* How much was written and not read yet. */
size_t pipe_unread(int fd);

/*
 * Each hands over every whole line that is there, until on_line() returns something else than 0,
 * and returns that; what follows stays for the next call. stream_lines() reads nothing,
 * stream_serve() reads once, and closes the stream at its end; stream_drain() reads what is in the
 * pipe now, and no more: whoever keeps it open, or goes on writing, is not waited for.
 */
int stream_lines(Stream *stream);
int stream_serve(Stream *stream);
int stream_drain(Stream *stream);

/* Nothing more comes, after its program's end: drains, and hands over a last line without end. */
int stream_finish(Stream *stream);
