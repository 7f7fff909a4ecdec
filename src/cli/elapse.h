/* Times of a calendar expression of systemd, as systemd itself reckons them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ELAPSE_E_INVALID 1 /* no such expression */
#define ELAPSE_E_NEVER 2   /* no time of it has come yet */

/*
 * The last time of `expression` that is not after `now`, in seconds since 1970, in the time zone of
 * the host. Returns 0, ELAPSE_E_*, or -errno; `why` says what went wrong.
 */
int elapse_find_last(const char *expression, int64_t now, int64_t *ret, char *why, size_t size);
