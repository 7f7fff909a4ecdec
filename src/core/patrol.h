/*
 * How the table of jobs is walked, a range of its key at a time, for rows that came without our
 * triggers: so that every row is looked at within a day, at no more than a bounded cost at once.
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

#define PATROL_ROWS_MIN 100
#define PATROL_ROWS_MAX 20000

typedef struct PatrolStep {
        int32_t rows;     /* to look at now */
        usec_t next_usec; /* the time to the next step */
} PatrolStep;

/* `highest` is the highest id, above which there are no rows. `sweep_usec` is the longest pause. */
PatrolStep patrol_step(int32_t highest, usec_t sweep_usec);
