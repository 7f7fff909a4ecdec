/*
 * Two kinds of error. A function returns 0 for success; a negative errno, which is fatal and is
 * passed up unchanged; or a positive code MODULE_E_*, which belongs to its module and which the
 * caller handles.
 */
#pragma once

#include <errno.h>

/* For the place where a fatal error begins: logs the place at debug level, and returns `r`. */
#define error_origin(r) error_origin_at((r), __FILE__, __LINE__)

/* For a result that must be 0 or fatal: a positive code is a bug and becomes -ENOTRECOVERABLE. */
#define error_fold(r) error_fold_at((r), __FILE__, __LINE__)

void error_trace(const char *what, int r, const char *file, int line);

/* Here and not in error.c, so that an analyzer knows that what comes back is an error. */
static inline int error_origin_at(int r, const char *file, int line) {
        error_trace("error", r, file, line);
        return r;
}

static inline int error_fold_at(int r, const char *file, int line) {
        if (r <= 0)
                return r;
        error_trace("unexpected code", r, file, line);
        return -ENOTRECOVERABLE;
}
