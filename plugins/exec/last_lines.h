/* The last lines of a program's standard error, for those who ask why its job failed. Pure. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

#define LAST_LINES 5
#define LAST_LINE_CHARS 256 /* of a longer one the beginning */

typedef struct LastLines {
        char lines[LAST_LINES][4 * LAST_LINE_CHARS + 1];
        size_t n; /* seen so far */
} LastLines;

/* `line` is UTF-8; lines without a word count for nothing. */
void last_lines_add(LastLines *last, const char *line);

/* The last one, "" when there was none; valid until the next is added. */
const char *last_lines_end(const LastLines *last);

/*
 * The last one, and as many of those before it as fit into `chars` characters with it, in their
 * order. `chars` is at least LAST_LINE_CHARS where the last one must not be cut further; `size` is
 * at least 4 * chars + 1.
 */
void last_lines_join(const LastLines *last, size_t chars, char *ret, size_t size);
