/*
 * Watches whether running jobs show signs of life. One that does not for too long is said in the
 * log, and noted in its lane, where everybody sees it; also when it goes on.
 */
#pragma once

#include "core/plan.h"
#include "supervisor/link.h"
#include "supervisor/pool.h"

typedef struct Stalls {
        int32_t told[PLAN_SLOTS_MAX];             /* the job that was said to be stalled, or 0 */
        unsigned char is_unnoted[PLAN_SLOTS_MAX]; /* said, and not yet in its lane */
} Stalls;

/* Looks at every worker; a limit of 0 means never. */
void stalls_look(Stalls *stalls, const Plan *plan, const Pool *pool, Link *link,
                 int32_t supervisor_id, usec_t limit_usec, usec_t now_usec);
