/* Collects everything that is wrong with one input, so that it can be told together. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

/* One line for each problem. `count` counts those as well whose lines had no room in `text`. */
typedef struct Problems {
        size_t count;
        char text[4096]; /* lines, separated by '\n' */
} Problems;

/* Adds one problem. Control characters become '?', so that a problem is one line. */
void problems_add(Problems *problems, const char *format, ...) _printf_(2, 3);

/* Writes the lines as one: "a; b; c". */
void problems_join(const Problems *problems, char *text, size_t size);
