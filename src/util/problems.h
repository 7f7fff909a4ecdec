/* Everything that is wrong with one input, told together. */
#pragma once

#include <stddef.h>

#include "util/macro.h"

/* What is wrong, one line each; the count goes on when there is no more room for the words. */
typedef struct Problems {
        size_t count;
        char text[4096]; /* lines, separated by '\n' */
} Problems;

void problems_add(Problems *problems, const char *format, ...) _printf_(2, 3);

/* The lines as one: "a; b; c". */
void problems_join(const Problems *problems, char *text, size_t size);
