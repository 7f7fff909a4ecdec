/* Splits a command line of a configuration file into an argument vector. No shell is involved. */
#pragma once

#include "util/macro.h"

#define ARGV_E_QUOTE 1 /* a quotation does not end, or the line ends with a backslash */
#define ARGV_E_EMPTY 2 /* the line has no words */

/*
 * Words are separated by blanks. '...' and "..." hold blanks in a word, a backslash outside of
 * '...' makes the next character part of it. Nothing is expanded. Returns 0 with a vector that ends
 * with NULL and that the caller frees by argv_free(); ARGV_E_*; or -ENOMEM.
 */
int argv_split(const char *line, char ***ret);

/* A copy of a vector that ends with NULL, also for argv_free(); NULL without memory. */
char **argv_copy(const char *const words[]);

char **argv_free(char **argv);
DEFINE_CLEANUP(char *, argv_free)
