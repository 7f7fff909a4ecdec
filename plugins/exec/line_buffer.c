/* A fixed buffer, so that a program which never ends its line costs a known amount of memory. */
#include "exec/line_buffer.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"

int line_buffer_init(LineBuffer *buffer, size_t max_bytes) {
        /* The longest line, its end or the byte that makes it too long, and a NUL. */
        size_t size = max_bytes + 2;
        char *data = malloc(size);

        if (!data)
                return error_origin(-ENOMEM);
        *buffer = (LineBuffer){.max_bytes = max_bytes, .data = data, .size = size};
        return 0;
}

void line_buffer_done(LineBuffer *buffer) {
        free(buffer->data);
        *buffer = (LineBuffer){0};
}

char *line_buffer_space(LineBuffer *buffer, size_t *ret_size) {
        if (buffer->begin) {
                memmove(buffer->data, buffer->data + buffer->begin, buffer->end - buffer->begin);
                buffer->end -= buffer->begin;
                buffer->scanned -= buffer->begin;
                buffer->begin = 0;
        }
        *ret_size = buffer->size - 1 - buffer->end;
        return buffer->data + buffer->end;
}

void line_buffer_filled(LineBuffer *buffer, size_t n) {
        buffer->end += n;
}

void line_buffer_finish(LineBuffer *buffer) {
        buffer->is_finished = 1;
}

/* The end of the first line, or NULL. Looks at no byte twice. */
static char *find_end(LineBuffer *buffer) {
        char *data = buffer->data;
        char *end = memchr(data + buffer->scanned, '\n', buffer->end - buffer->scanned);

        buffer->scanned = end ? (size_t) (end - data) : buffer->end;
        if (!end && buffer->is_finished && buffer->begin < buffer->end)
                end = data + buffer->end;
        return end;
}

/* Goes behind the line that ends at `end`, or behind everything where that is NULL. */
static void consume_line(LineBuffer *buffer, const char *end) {
        buffer->begin = end ? MIN_OF((size_t) (end - buffer->data) + 1, buffer->end) : buffer->end;
        buffer->scanned = buffer->begin;
}

int line_buffer_next(LineBuffer *buffer, char **ret_line, size_t *ret_length) {
        if (!buffer->data) /* never begun, as that of a program that could not be started */
                return LINE_BUFFER_E_NONE;
        char *end = find_end(buffer);

        if (buffer->is_skipping) {
                consume_line(buffer, end);
                if (!end)
                        return LINE_BUFFER_E_NONE;
                buffer->is_skipping = 0;
                end = find_end(buffer);
        }
        char *line = buffer->data + buffer->begin;
        if ((end ? (size_t) (end - line) : buffer->end - buffer->begin) > buffer->max_bytes) {
                consume_line(buffer, NULL); /* a line that fills the buffer is all that is in it */
                buffer->is_skipping = 1;
                line[buffer->max_bytes] = '\0';
                *ret_line = line;
                *ret_length = buffer->max_bytes;
                return LINE_BUFFER_E_LONG;
        }
        if (!end)
                return LINE_BUFFER_E_NONE;

        consume_line(buffer, end);
        if (end > line && end[-1] == '\r')
                end--;
        *end = '\0';
        *ret_line = line;
        *ret_length = (size_t) (end - line);
        return 0;
}
