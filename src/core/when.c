/*
 * core calls no clock and knows no time zone, so libc's functions are not used here: numbers come
 * in, words go out.
 */
#include "core/when.h"

#include <stdio.h>

#define DAY 86400
#define DAYS_OF_ERA 146097 /* 400 years of the Gregorian calendar */

typedef struct Civil {
        int64_t year;
        int month, day, hour, minute, second;
} Civil;

static int64_t day_of(int64_t at) {
        return at / DAY - (at % DAY < 0);
}

/* Years are counted from March on: then a leap day is the last day of its year. */
static Civil civil_of(int64_t at) {
        int64_t days = day_of(at) + 719468;
        int64_t era = (days >= 0 ? days : days - DAYS_OF_ERA + 1) / DAYS_OF_ERA;
        int64_t of_era = days - era * DAYS_OF_ERA;
        int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_OF_ERA - 1)) / 365;
        int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
        int64_t month = (5 * of_year + 2) / 153;
        int seconds = (int) (at - day_of(at) * DAY);

        return (Civil){.year = year + era * 400 + (month >= 10),
                       .month = (int) (month < 10 ? month + 3 : month - 9),
                       .day = (int) (of_year - (153 * month + 2) / 5 + 1),
                       .hour = seconds / 3600,
                       .minute = seconds / 60 % 60,
                       .second = seconds % 60};
}

void when_iso(int64_t at, char text[WHEN_SIZE]) {
        text[0] = '\0';
        if (at == WHEN_NEVER)
                return;
        Civil c = civil_of(at);
        (void) snprintf(text, WHEN_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long) c.year,
                        c.month, c.day, c.hour, c.minute, c.second);
}

void when_clock(int64_t at, int64_t now, char text[WHEN_SIZE]) {
        Civil c = civil_of(at);
        char date[32] = "";

        if (day_of(at) != day_of(now))
                (void) snprintf(date, sizeof(date), "%04lld-%02d-%02d ", (long long) c.year,
                                c.month, c.day);
        (void) snprintf(text, WHEN_SIZE, "%s%02d:%02d:%02d UTC", date, c.hour, c.minute, c.second);
}

void when_span(int64_t seconds, char text[WHEN_SIZE]) {
        static const struct {
                int64_t below, unit;
                const char *name;
        } units[] = {{100, 1, "s"}, {100 * 60, 60, "min"}, {48 * 3600, 3600, "h"}};

        if (seconds < 0)
                seconds = 0;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (seconds < units[i].below) {
                        (void) snprintf(text, WHEN_SIZE, "%lld %s",
                                        (long long) (seconds / units[i].unit), units[i].name);
                        return;
                }
        }
        (void) snprintf(text, WHEN_SIZE, "%lld days", (long long) (seconds / DAY));
}

void when_since(int64_t at, int64_t now, char text[WHEN_SIZE]) {
        char clock[WHEN_SIZE], span[WHEN_SIZE];

        text[0] = '\0';
        if (at == WHEN_NEVER)
                return;
        when_clock(at, now, clock);
        when_span(now - at, span);
        (void) snprintf(text, WHEN_SIZE, "since %.40s (%.30s)", clock, span);
}

void when_at(int64_t at, int64_t now, char text[WHEN_SIZE]) {
        char clock[WHEN_SIZE], span[WHEN_SIZE];

        text[0] = '\0';
        if (at == WHEN_NEVER)
                return;
        when_clock(at, now, clock);
        when_span(at > now ? at - now : now - at, span);
        (void) snprintf(text, WHEN_SIZE, at > now ? "at %.40s (in %.30s)" : "at %.40s (%.30s ago)",
                        clock, span);
}
