/*
 * systemd's calendar knows the next time only. The last one is found from a time before it on:
 * first a minute back, then eight times as far, until some time of the schedule lies behind that
 * and is not after now; then by halves. For a timer that has just elapsed that is a few
 * questions, after a day without the host about ten.
 *
 * In the hour that a clock change repeats, systemd's answer depends on where it is asked from: from
 * before, a time of that hour comes once, and from inside of it, once more. A timer elapses once.
 * So what was found is looked at from an hour before as well.
 */
#include "core/calendar.h"

#include "core/when.h"

#define FIRST_STEP 60
#define REPEATED 3600
#define STEPS_MAX 8
#define FARTHEST ((int64_t) 10 * 366 * 86400)

/* As `next`; 1 in *ret_is_past when there is a time, and it is not after `now`. */
static int ask(CalendarNextFn next, void *userdata, int64_t after, int64_t now, int64_t *ret,
               int *ret_is_past) {
        int64_t found = WHEN_NEVER;

        int r = next(after, userdata, &found);
        *ret_is_past = !r && found > after && found <= now;
        if (*ret_is_past)
                *ret = found;
        return r;
}

/* Some time that is not after `now`, near to it. */
static int find_one(CalendarNextFn next, void *userdata, int64_t now, int64_t *ret) {
        for (int64_t back = FIRST_STEP; back < 8 * FARTHEST; back *= 8) {
                int is_past = 0;
                int r = ask(next, userdata, now - back, now, ret, &is_past);
                if (r || is_past)
                        return r;
        }
        return CALENDAR_E_NONE;
}

/* Goes by what follows on the times of an hour before, if that leads past `now` in few steps. */
static int leave_repeated_hour(CalendarNextFn next, void *userdata, int64_t now, int64_t *last) {
        int64_t before = *last;
        int is_past = 0;

        int r = ask(next, userdata, *last - REPEATED - 1, now, &before, &is_past);
        for (int i = 0; !r && is_past && i < STEPS_MAX; i++) {
                int64_t at = before;
                r = ask(next, userdata, at, now, &before, &is_past);
                if (!r && !is_past)
                        *last = at;
        }
        return r;
}

int calendar_find_last(CalendarNextFn next, void *userdata, int64_t now, int64_t *ret) {
        int64_t last = 0, high = now;
        int is_past = 1;

        int r = find_one(next, userdata, now, &last);
        while (!r) {
                r = ask(next, userdata, last, now, &last, &is_past);
                if (r || !is_past)
                        break;
                int64_t middle = last + (high - last) / 2;
                r = ask(next, userdata, middle, now, &last, &is_past);
                if (!is_past)
                        high = middle;
        }
        if (!r)
                r = leave_repeated_hour(next, userdata, now, &last);
        if (!r)
                *ret = last;
        return r;
}
