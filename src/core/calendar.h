/* The time of a schedule that has come last, where only the next one can be asked for. */
#pragma once

#include <stdint.h>

#define CALENDAR_E_NONE 1 /* there was no such time within the last ten years */

/*
 * Asks for the first time after `after`, in seconds since 1970: *ret is WHEN_NEVER when there is
 * none. Returns 0, or an error.
 */
typedef int (*CalendarNextFn)(int64_t after, void *userdata, int64_t *ret);

/*
 * Finds the last time that is not after `now`. Returns 0, CALENDAR_E_NONE, or what `next` has
 * returned.
 */
int calendar_find_last(CalendarNextFn next, void *userdata, int64_t now, int64_t *ret);
