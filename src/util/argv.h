/* A command line from a configuration file to an argument vector, without a shell. */
#pragma once

#include "util/macro.h"

#define ARGV_E_QUOTE 1 /* a quotation mark or backslash without its other half */
#define ARGV_E_EMPTY 2 /* nothing in it */

/*
 * Words are separated by blanks; '...' and "..." keep blanks, a backslash outside '...' keeps the
 * next character. Nothing is expanded. The vector ends with NULL and is freed by argv_free().
 */
int argv_split(const char *line, char ***ret);

char **argv_free(char **argv);
DEFINE_CLEANUP(char *, argv_free)
