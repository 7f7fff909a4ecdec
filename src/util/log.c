/*
 * One line in, one line out: to standard error until the daemon installs a sink for the journal.
 * The state here is the only file-level state of the program.
 *
 * A line that there is no room for is dropped and counted; the next one that there is room for is
 * preceded by the count. The count is shared by all processes of a daemon: a worker may have ended
 * before there is room again. A plugin can write over it, and changes the number in that line.
 */
#include "util/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "util/text.h"
#include "util/writer.h"

#define TEXT_BYTES 2048
#define LINE_BYTES (TEXT_BYTES + 1024) /* with name and hint */

_Static_assert(LINE_BYTES <= PIPE_BUF, "a line goes into a pipe as a whole, or not at all");

/* What all processes of a daemon know of their standard error. */
typedef struct LogShared {
        _Atomic uint64_t dropped; /* lines, since the last time this was said */
        _Atomic int is_cut;       /* the last line has no end: the next one begins with one */
} LogShared;

static LogShared alone;

static struct {
        const char *name;
        LogStyle style;
        int level;
        LogSink sink;
        void *userdata;
        usec_t patience_usec;
        LogShared *shared;
} state = {.name = "registry-job",
           .level = LOG_INFO,
           .patience_usec = USEC_INFINITY,
           .shared = &alone};

void log_init(const char *name, LogStyle style) {
        state.name = name;
        state.style = style;
}

/* What libraries write with stdio, libpq about its password file for example: as much as fits. */
static ssize_t write_of_others(void *cookie, const char *data, size_t size) {
        size_t written;

        (void) cookie;
        if (writer_put(STDERR_FILENO, data, size, state.patience_usec, &written))
                (void) atomic_fetch_add(&state.shared->dropped, 1);
        return (ssize_t) size;
}

static void replace_stderr(void) {
        FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_of_others});

        if (!file)
                return;
        (void) setvbuf(file, NULL, _IONBF, 0);
        stderr = file; /* the stream before stays open: somebody may have kept it */
}

void log_protect_jobs(void) {
        void *shared = mmap(NULL, sizeof(LogShared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (shared != MAP_FAILED)
                state.shared = shared;
        writer_prepare();
        log_set_patience(0);
        replace_stderr();
}

void log_set_patience(usec_t usec) {
        state.patience_usec = usec;
}

void log_set_level(int level) {
        state.level = level;
}

int log_level(void) {
        return state.level;
}

void log_set_sink(LogSink sink, void *userdata) {
        state.sink = sink;
        state.userdata = userdata;
}

/* Writes a line that begins with an end of line, for one that was cut. 1, or 0 when it is lost. */
static int write_line(const char *line, size_t size) {
        int was_cut = atomic_exchange(&state.shared->is_cut, 0);
        size_t skipped = was_cut ? 0 : 1, written;

        int r = writer_put(STDERR_FILENO, line + skipped, size - skipped, state.patience_usec,
                           &written);
        if (r && (written || was_cut))
                atomic_store(&state.shared->is_cut, 1);
        return r == 0;
}

static int write_entry(int level, const LogFields *fields, const char *text) {
        char line[LINE_BYTES], hint[512] = "";

        if (fields && fields->hint)
                (void) text_copy_utf8(hint, sizeof(hint), 0, fields->hint);
        text_make_line(hint);
        int n = state.style == LOG_STYLE_PREFIX
                        ? snprintf(line, sizeof(line), "\n<%d>%s%s%s\n", level, text,
                                   *hint ? ". Hint: " : "", hint)
                        : snprintf(line, sizeof(line), "\n%s: %s%s%s\n", state.name, text,
                                   *hint ? "\n  hint: " : "", hint);
        if (n < 0)
                return 0;
        if ((size_t) n >= sizeof(line)) {
                n = (int) sizeof(line) - 1;
                line[n - 1] = '\n';
        }
        return write_line(line, (size_t) n);
}

static int deliver(int level, const LogFields *fields, const char *text) {
        return state.sink ? state.sink(level, fields, text, state.userdata)
                          : write_entry(level, fields, text);
}

int log_tell_dropped(void) {
        char text[128];

        if (!atomic_load(&state.shared->dropped))
                return 0;
        uint64_t n = atomic_exchange(&state.shared->dropped, 0);
        (void) snprintf(text, sizeof(text),
                        "lines of the log were dropped, because there was no room for them: %llu",
                        (unsigned long long) n);
        if (!n || deliver(LOG_WARNING, NULL, text))
                return 0;
        (void) atomic_fetch_add(&state.shared->dropped, n);
        return 1;
}

static void emit(int level, const LogFields *fields, char *text) {
        text_make_line(text); /* whatever a plugin or the database put into it */
        if (log_tell_dropped() || !deliver(level, fields, text))
                (void) atomic_fetch_add(&state.shared->dropped, 1);
}

void log_write(int level, const LogFields *fields, const char *format, ...) {
        if (level > state.level)
                return;

        int saved = errno;
        char text[TEXT_BYTES];
        va_list ap;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        emit(level, fields, text);
        errno = saved;
}

int log_error_errno(int error, const char *format, ...) {
        int saved = errno;
        char text[TEXT_BYTES];
        va_list ap;
        va_start(ap, format);
        int n = vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (n > 0 && (size_t) n < sizeof(text))
                (void) snprintf(text + n, sizeof(text) - (size_t) n, ": %s", strerror(-error));
        emit(LOG_ERR, NULL, text);
        errno = saved;
        return error;
}

void log_say(char *text) {
        text_make_line(text);
        _cleanup_(freep) char *line = text_format("\n%s: %s\n", state.name, text);
        if (line && !write_line(line, strlen(line)))
                (void) atomic_fetch_add(&state.shared->dropped, 1);
}

void log_show(const char *text) {
        size_t written;
        (void) writer_put(STDERR_FILENO, text, strlen(text), state.patience_usec, &written);
}
