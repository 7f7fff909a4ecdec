/*
 * The log. Functions of util, core, ipc, db, config and plugin return errors instead of logging
 * them. Lines above debug level come from process, worker, supervisor and cli only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "util/clock.h"
#include "util/macro.h"

/* What a line is about. Fields that are zero or NULL are left out. */
typedef struct LogFields {
        const char *message_id; /* 128-bit id in hexadecimal, see log_ids.h */
        int32_t job_id;
        int32_t co_id;
        const char *plugin;
        const char *job_status;
        const char *record_key;
        uint64_t wall_usec, cpu_usec; /* what a job has used */
        uint64_t peak_bytes;          /* what its worker has used */
        const char *hint;             /* what the administrator can do about it */
} LogFields;

/*
 * Writes a line somewhere, without waiting for room. `fields` may be NULL; `text` is one line
 * without an end of line. Returns 1, or 0 when the line was dropped.
 */
typedef int (*LogSink)(int level, const LogFields *fields, const char *text, void *userdata);

typedef enum LogStyle {
        LOG_STYLE_PLAIN,  /* "name: text", for people */
        LOG_STYLE_PREFIX, /* "<3>text", systemd's convention for standard error */
} LogStyle;

/* `name` is the program's and must outlive the log; `style` is for standard error. */
void log_init(const char *name, LogStyle style);

/*
 * From here on the log costs no job, whatever becomes of standard error: a line that there is no
 * room for is dropped and counted, and a reader that has gone ends no process (writer.h). The same
 * goes for what others write with stdio. For programs that run jobs, before they fork. Until then
 * lines wait for room.
 */
void log_protect_jobs(void);

/* How long a line waits for room on standard error. */
void log_set_patience(usec_t usec);

/*
 * Says how many lines were dropped, as soon as there is room; every line does so, too. Returns 1
 * while there is none, else 0.
 */
int log_tell_dropped(void);

/* Lines less important than `level` are dropped before they are formatted. */
void log_set_level(int level);
int log_level(void);

/* Lets lines go to `sink` instead of standard error; NULL restores standard error. */
void log_set_sink(LogSink sink, void *userdata);

/* Logs one line: cut at 2 kB, and as text_make_line() leaves it. Keeps errno. */
void log_write(int level, const LogFields *fields, const char *format, ...) _printf_(3, 4);

/* Logs an error line that ends with ": " and the words for `error`, a negative errno, which it
 * returns. */
int log_error_errno(int error, const char *format, ...) _printf_(2, 3);

/* Writes "name: text" to standard error, whatever the sink, and uncut; `text` becomes one line. */
void log_say(char *text);

/* Writes to standard error what is no line, such as a bar of progress, as far as there is room. */
void log_show(const char *text);

#define log_error(...) log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                           \
        do {                                                     \
                if (log_level() >= LOG_DEBUG)                    \
                        log_write(LOG_DEBUG, NULL, __VA_ARGS__); \
        } while (0)
