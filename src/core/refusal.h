/*
 * What follows when the database refuses to let a job be assigned: a trigger of the site raises, or
 * a constraint does not hold. The job's CO is tried again after a pause that doubles; nobody else
 * waits, and the log does not fill.
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

typedef struct RefusalPolicy {
        usec_t first_usec; /* the pause after the first refusal */
        usec_t max_usec;
} RefusalPolicy;

/* `is_lasting`: somebody has to change something. What time mends is tried again at once. */
RefusalPolicy refusal_policy(int is_lasting);

/* 1 when the `n`th refusal of the same job, from 1, is worth a line: the 1st, 2nd, 4th, 8th ... */
int refusal_is_said(int32_t n);
