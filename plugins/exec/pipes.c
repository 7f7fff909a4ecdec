/* Nothing here waits. */
#include "exec/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/error.h"

int pipe_make(int *ret_read, int *ret_write) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_origin(-errno);
        *ret_read = fds[0];
        *ret_write = fds[1];
        return 0;
}

int pipe_set_nonblocking(int fd) {
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return error_origin(-errno);
        return 0;
}

void pipe_close(int *fd) {
        closep(fd);
        *fd = -1;
}

/*
 * A program may end, or close its standard input, without having read it. A socket would have
 * MSG_NOSIGNAL, but cannot be opened as /dev/stdin.
 */
ssize_t pipe_write(int fd, const void *data, size_t size) {
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

        (void) sigaction(SIGPIPE, &ignore, &before);
        ssize_t n = write(fd, data, size);
        int error = errno;
        (void) sigaction(SIGPIPE, &before, NULL);
        errno = error;
        return n;
}

size_t pipe_unread(int fd) {
        int n = 0;

        if (fd >= 0)
                (void) ioctl(fd, FIONREAD, &n);
        return (size_t) n;
}

int stream_lines(Stream *stream) {
        char *line;
        size_t length;
        int code, r = 0;

        while (!r &&
               (code = line_buffer_next(&stream->buffer, &line, &length)) != LINE_BUFFER_E_NONE)
                r = stream->on_line(stream->userdata, line, length, code == LINE_BUFFER_E_LONG);
        return r;
}

/* Reads once, at most *left bytes, and takes them off *left; 0 is left where nothing was there. */
static int read_stream(Stream *stream, size_t *left) {
        size_t size;
        char *space = line_buffer_space(&stream->buffer, &size);
        ssize_t n = read(*stream->fd, space, MIN_OF(size, *left));

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                *left = 0;
                return 0;
        }
        if (n > 0) {
                line_buffer_filled(&stream->buffer, (size_t) n);
                *left -= (size_t) n;
        } else {
                line_buffer_finish(&stream->buffer);
                pipe_close(stream->fd);
                *left = 0;
        }
        return stream_lines(stream);
}

int stream_serve(Stream *stream) {
        size_t left = SIZE_MAX;
        return read_stream(stream, &left);
}

int stream_drain(Stream *stream) {
        int r = stream_lines(stream); /* there is no room to read into before */

        for (size_t left = pipe_unread(*stream->fd); !r && left;)
                r = read_stream(stream, &left);
        return r;
}

int stream_finish(Stream *stream) {
        int r = stream_drain(stream);

        line_buffer_finish(&stream->buffer);
        return r ? r : stream_lines(stream);
}
