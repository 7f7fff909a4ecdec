/* When to try again: a pure function of how often it failed, and of a random number. */
#pragma once

#include <stdint.h>

#include "util/clock.h"

typedef struct Backoff {
        usec_t first_usec; /* delay after the first failure */
        usec_t max_usec;
} Backoff;

/*
 * The delay after `failures` (from 1) in a row: it doubles from `first_usec` to `max_usec`, and
 * `random` moves it by up to a quarter down, so that hosts do not come back together.
 */
usec_t backoff_delay(const Backoff *policy, unsigned failures, uint32_t random);

/*
 * How many failures in a row it is with one more, after `stayed_usec` of success: a success shorter
 * than the longest delay does not end the row.
 */
unsigned backoff_count(const Backoff *policy, unsigned failures, usec_t stayed_usec);
