/* The text of a configuration file as a whole. */
#pragma once

#include <stddef.h>

#include "util/problems.h"

/*
 * Returns a new string of *ret_length bytes; or NULL with a problem, and in *ret_r what
 * config_read() is to return.
 */
char *config_text_read(const char *path, size_t *ret_length, int *ret_r, Problems *problems);
