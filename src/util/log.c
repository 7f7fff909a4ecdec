/*
 * One line in, one line out: to standard error until the daemon installs a sink
 * for the journal. The state here is the only file-level state of the program.
 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define LINE_MAX_BYTES 2048

static struct {
        const char *name;
        LogStyle style;
        int level;
        LogSink sink;
        void *userdata;
} state = {.name = "registry-job", .level = LOG_INFO};

void log_init(const char *name, LogStyle style) {
        state.name = name;
        state.style = style;
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

static void emit(int level, const LogFields *fields, char *text) {
        text_make_line(text); /* whatever a plugin or the database put into it */
        if (state.sink) {
                state.sink(level, fields, text, state.userdata);
                return;
        }
        const char *hint = fields && fields->hint ? fields->hint : NULL;
        char line[LINE_MAX_BYTES + 512];
        int n = state.style == LOG_STYLE_PREFIX
                        ? snprintf(line, sizeof(line), "<%d>%s%s%s\n", level, text,
                                   hint ? ". Hint: " : "", hint ? hint : "")
                        : snprintf(line, sizeof(line), "%s: %s%s%s\n", state.name, text,
                                   hint ? "\n  hint: " : "", hint ? hint : "");
        if (n < 0)
                return;
        if ((size_t) n >= sizeof(line)) {
                n = (int) sizeof(line) - 1;
                line[n - 1] = '\n';
        }
        /* One write, so that lines of several processes do not mix. */
        if (write(STDERR_FILENO, line, (size_t) n) < 0)
                return;
}

void log_write(int level, const LogFields *fields, const char *format, ...) {
        if (level > state.level)
                return;

        int saved = errno;
        char text[LINE_MAX_BYTES];
        va_list ap;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        emit(level, fields, text);
        errno = saved;
}

int log_error_errno(int error, const char *format, ...) {
        int saved = errno;
        char text[LINE_MAX_BYTES];
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
