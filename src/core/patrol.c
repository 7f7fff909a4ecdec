/*
 * There are at most as many rows as ids. With many of them, steps of the largest size come more
 * often than the sweep.
 */
#include "core/patrol.h"

#include "util/macro.h"

/* A walk of 23 hours leaves one for what comes between. */
#define WALK_USEC (23 * 3600 * USEC_PER_SEC)

PatrolStep patrol_step(int32_t highest, usec_t sweep_usec) {
        usec_t ids = (usec_t) MAX_OF(highest, 1);
        /* Microseconds for one row, at least: a walk has more of them than there are ids. */
        usec_t row_usec = WALK_USEC / ids;
        usec_t rows = sweep_usec / row_usec + 1;

        if (rows <= PATROL_ROWS_MAX)
                return (PatrolStep){.rows = (int32_t) MAX_OF(rows, PATROL_ROWS_MIN),
                                    .next_usec = sweep_usec};
        return (PatrolStep){.rows = PATROL_ROWS_MAX, .next_usec = PATROL_ROWS_MAX * row_usec};
}
