/* A fixed buffer, so that a program which never ends its line costs a known amount of memory. */
#include "exec/line_buffer.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"

int line_buffer_init(LineBuffer *buffer, LineLimits limits) {
        /* The longest line, its end or the byte that makes it too long, and a NUL. */
        size_t size = limits.bytes + 2;
        char *data = malloc(size);

        if (!data)
                return error_origin(-ENOMEM);
        *buffer = (LineBuffer){.limits = limits, .data = data, .size = size};
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

int line_buffer_next(LineBuffer *buffer, char **ret_line, size_t *ret_length) {
        char *end = find_end(buffer);
        char *line = buffer->data + buffer->begin;

        if ((end ? (size_t) (end - line) : buffer->end - buffer->begin) > buffer->limits.bytes)
                return LINE_BUFFER_E_LONG;
        if (!end)
                return LINE_BUFFER_E_NONE;
        if (buffer->lines == buffer->limits.lines)
                return LINE_BUFFER_E_MANY;

        buffer->lines++;
        buffer->begin = MIN_OF((size_t) (end - buffer->data) + 1, buffer->end);
        buffer->scanned = buffer->begin;
        if (end > line && end[-1] == '\r')
                end--;
        *end = '\0';
        *ret_line = line;
        *ret_length = (size_t) (end - line);
        return 0;
}
