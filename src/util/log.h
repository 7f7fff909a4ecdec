/*
 * The log. Functions of util, core, ipc, db and plugin return errors instead of
 * logging them; above debug level only worker, supervisor and cli write here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "util/macro.h"

/* What a line is about; fields that are zero or NULL are left out. */
typedef struct LogFields {
        const char *message_id; /* 128-bit id in hexadecimal, see log_ids.h */
        int32_t job_id;
        int32_t co_id;
        const char *plugin;
        const char *job_status;
        const char *record_key;
        uint64_t wall_usec, cpu_usec; /* what a job has used, */
        uint64_t peak_bytes;          /* and its worker */
        const char *hint;             /* what the administrator can do about it */
} LogFields;

/* Where lines go. `fields` may be NULL; `text` is one line without its end. */
typedef void (*LogSink)(int level, const LogFields *fields, const char *text, void *userdata);

typedef enum LogStyle {
        LOG_STYLE_PLAIN,  /* "name: text": a person reads it */
        LOG_STYLE_PREFIX, /* "<3>text": systemd's convention for standard error */
} LogStyle;

/* `name` must outlive the log; `style` is for standard error. */
void log_init(const char *name, LogStyle style);

/* Lines above `level` (LOG_DEBUG is the highest) are dropped before they are formatted. */
void log_set_level(int level);
int log_level(void);

/* Replaces standard error; NULL restores it. */
void log_set_sink(LogSink sink, void *userdata);

/* Keeps errno. Lines longer than 2 kB are cut; control characters become '?'. */
void log_write(int level, const LogFields *fields, const char *format, ...) _printf_(3, 4);

/* As log_write(), adding ": strerror". Returns `error`, a negative errno. */
int log_error_errno(int error, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                           \
        do {                                                     \
                if (log_level() >= LOG_DEBUG)                    \
                        log_write(LOG_DEBUG, NULL, __VA_ARGS__); \
        } while (0)
