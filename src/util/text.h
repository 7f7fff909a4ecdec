/* Bounded strings and UTF-8. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

/*
 * Copies `from` (NULL is "") into `to` of `size` bytes as valid UTF-8 of at most `max_chars`
 * characters (0: no such limit): what is not UTF-8 becomes U+FFFD, what does not fit is cut
 * between two characters. Returns the bytes written, without the ending NUL.
 */
size_t text_copy_utf8(char *to, size_t size, size_t max_chars, const char *from);

/* Appends to a string of `size` bytes; returns 0, or 1 when it was cut. */
int text_append(char *to, size_t size, const char *format, ...) _printf_(3, 4);

/* Control characters become '?'. */
void text_hide_controls(char *text);

/* The same, but tabs and ends of line become blanks: what was written in several is one line. */
void text_make_line(char *text);

/* A new string, or NULL without memory. */
char *text_format(const char *format, ...) _printf_(1, 2);

/* 1 when the first `length` bytes are valid UTF-8 without NUL. */
int text_is_utf8(const char *text, size_t length);
