/*
 * What plugins leave behind is said once per plugin and hour. A plugin that does so does it with
 * every job: its worker is replaced each time, so the table lives where workers come and go.
 */
#pragma once

#include <stdint.h>

#include "util/clock.h"

#define COMPLAINTS_INTERVAL_USEC (3600 * USEC_PER_SEC)
#define COMPLAINTS_PLUGINS 16u   /* in sight at a time */
#define COMPLAINTS_NAME_SIZE 81u /* jobs.plugin has 80 characters */

typedef struct ComplaintsRow {
        char plugin[COMPLAINTS_NAME_SIZE]; /* "": free */
        usec_t said_usec;
        uint64_t unsaid; /* since then */
} ComplaintsRow;

/* All zero: nothing was said yet. */
typedef struct Complaints {
        ComplaintsRow rows[COMPLAINTS_PLUGINS];
} Complaints;

/*
 * A job of `model` ("Plugin.Model", or anything else) has left something. Returns 1 when that is to
 * be said, with the number of times of this plugin that it was not since it was last said;
 * otherwise 0, and it is counted. In a full table the plugin of which something was said longest
 * ago gives way, and is said again next time.
 */
int complaints_may_say(Complaints *complaints, const char *model, usec_t now_usec,
                       uint64_t *ret_unsaid);
