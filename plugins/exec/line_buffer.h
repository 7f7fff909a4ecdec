/*
 * Bytes to lines, without I/O: the caller reads into line_buffer_space(), says how much there is,
 * and takes lines until there are no more.
 */
#pragma once

#include <stddef.h>

#include "util/macro.h"

#define LINE_BUFFER_E_NONE 1 /* no whole line now */
#define LINE_BUFFER_E_LONG 2 /* a line of more bytes than the limit: its beginning */

typedef struct LineBuffer {
        size_t max_bytes; /* of one line, without its end */
        char *data;
        size_t size;
        size_t begin;    /* of the first line that was not taken yet */
        size_t scanned;  /* no line end between begin and here */
        size_t end;      /* of what was read */
        int is_skipping; /* the rest of a long line is to be dropped */
        int is_finished;
} LineBuffer;

/* `max_bytes` is at least 1. Returns 0 or -ENOMEM. */
int line_buffer_init(LineBuffer *buffer, size_t max_bytes);
void line_buffer_done(LineBuffer *buffer);

/* Where to read to, and how much; never 0 bytes once line_buffer_next() has said E_NONE. */
char *line_buffer_space(LineBuffer *buffer, size_t *ret_size);

/* `n` bytes were read there. */
void line_buffer_filled(LineBuffer *buffer, size_t n);

/* No more will come: what is left is a line, even without a line end. */
void line_buffer_finish(LineBuffer *buffer);

/*
 * The next line, without "\n" or "\r\n", ended by a NUL (it may hold others); valid until the next
 * call of line_buffer_space(). LINE_BUFFER_E_LONG gives the first `max_bytes` of a longer line, and
 * the rest of that line is dropped.
 */
int line_buffer_next(LineBuffer *buffer, char **ret_line, size_t *ret_length);
