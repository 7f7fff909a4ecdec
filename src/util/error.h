/*
 * Two kinds of error. A function returns 0, a negative errno that is fatal and
 * is passed up unchanged, or a positive MODULE_E_* code that belongs to its
 * module and is the caller's business.
 */
#pragma once

/* Where a fatal error begins: leaves a line at debug level, and returns `r`. */
#define error_origin(r) error_origin_at((r), __FILE__, __LINE__)

/* For a result that should be 0 or fatal: a positive code left over is a bug, -ENOTRECOVERABLE. */
#define error_fold(r) error_fold_at((r), __FILE__, __LINE__)

int error_origin_at(int r, const char *file, int line);
int error_fold_at(int r, const char *file, int line);
