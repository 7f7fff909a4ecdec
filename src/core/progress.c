/*
 * The rate is the mean since the start, of which alone the database knows: it has a percentage and
 * a start, and no history of the percentage. A job that stands still gets slower with every look,
 * and its time left grows: nobody is told that it is about to end.
 */
#include "core/progress.h"

#include <stdio.h>

#define HOUR 3600.0
#define LEFT_MAX (100 * 365 * 86400.0) /* of what takes longer, a century is enough to know */

int progress_guess(int64_t done, int64_t total, int64_t seconds, Progress *ret) {
        if (done <= 0 || done >= total || seconds < PROGRESS_LEAST_SECONDS)
                return 0;
        double share = (double) done / (double) total;
        double left = (double) seconds * (1 - share) / share;

        ret->percent_per_hour = 100 * share * HOUR / (double) seconds;
        ret->seconds_left = (int64_t) (left < LEFT_MAX ? left : LEFT_MAX);
        return 1;
}

void progress_rate(const Progress *progress, char text[PROGRESS_RATE_SIZE]) {
        static const struct {
                double of_hour; /* how many there are in an hour */
                const char *name;
        } units[] = {{3600, "s"}, {60, "min"}, {1, "h"}, {1 / 24.0, "day"}};
        size_t i = 0;

        while (i < 3 && progress->percent_per_hour < units[i].of_hour)
                i++;
        double rate = progress->percent_per_hour / units[i].of_hour;
        (void) snprintf(text, PROGRESS_RATE_SIZE, "%.*f %%/%s", rate < 9.95, rate, units[i].name);
}

void progress_say(const Progress *progress, char text[WHEN_SIZE]) {
        char rate[PROGRESS_RATE_SIZE], left[WHEN_SIZE];

        progress_rate(progress, rate);
        when_span(progress->seconds_left, left);
        (void) snprintf(text, WHEN_SIZE, "%s, about %.40s left", rate, left);
}
