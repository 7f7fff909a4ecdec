/* Bounded strings and UTF-8. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"

#define TEXT_NO_CHAR UINT32_MAX

/*
 * Reads the first character of a text: its code point, or TEXT_NO_CHAR for a byte that is not
 * UTF-8. Returns how many bytes it has; 0 at the end of the text.
 */
size_t text_next(const char *text, uint32_t *ret);

/*
 * 1 for what is not shown but obeyed, by terminals or by readers of lines, and for TEXT_NO_CHAR:
 * controls (U+0000-1F, U+007F-9F), ends of line and of paragraph (U+2028, U+2029), and controls of
 * the writing direction.
 */
int text_is_control(uint32_t c);

/*
 * Copies `from` (NULL is "") into `to` of `size` bytes as valid UTF-8 of at most `max_chars`
 * characters (0: any number). Bytes that are not UTF-8 become U+FFFD. A text that does not fit is
 * cut between two characters. Returns the bytes written, without the ending NUL.
 */
size_t text_copy_utf8(char *to, size_t size, size_t max_chars, const char *from);

/* Appends to the string in `to`, which has room for `size` bytes. Returns 0, or 1 when it was cut.
 */
int text_append(char *to, size_t size, const char *format, ...) _printf_(3, 4);

/* How many characters a valid UTF-8 text has. */
size_t text_count_chars(const char *text);

/* Replaces each control character, and each byte that is not UTF-8, by '?'. */
void text_hide_controls(char *text);

/* Makes one line of several: as text_hide_controls(), but with blanks for tabs and ends of line. */
void text_make_line(char *text);

/* Returns a new string, or NULL without memory. */
char *text_format(const char *format, ...) _printf_(1, 2);

/* 1 when the first `length` bytes are valid UTF-8 without a NUL. */
int text_is_utf8(const char *text, size_t length);
