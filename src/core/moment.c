/* core knows neither the clock nor the reader's zone: the caller turns a Moment into a time. */
#include "core/moment.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define DAY 86400
#define SPAN_MAX_USEC (36500 * (usec_t) DAY * USEC_PER_SEC)

/* Days since 1970. Years are counted from March on: then a leap day is the last day of its year. */
static int64_t days_of(int64_t year, int month, int day) {
        year -= month <= 2;
        int64_t era = year / 400, of_era = year % 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int length_of_month(int year, int month) {
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

        return lengths[month - 1] + (month == 2 && is_leap);
}

/* Reads exactly `n` digits at *at, and goes behind them. Returns the number, or -1. */
static int read_digits(const char **at, int n) {
        int number = 0;

        for (int i = 0; i < n; i++, (*at)++) {
                if (!isdigit((unsigned char) **at))
                        return -1;
                number = number * 10 + (**at - '0');
        }
        return number;
}

/* As read_digits() for two digits behind `sign`, from 0 to `max`. */
static int read_part(const char **at, char sign, int max) {
        if (*(*at)++ != sign)
                return -1;
        int number = read_digits(at, 2);
        return number > max ? -1 : number;
}

/* "2026-11-30" to seconds. Returns 0 or PARSE_E_INVALID. */
static int read_date(const char **at, int64_t *ret) {
        int year = read_digits(at, 4);
        int month = year < 1 ? -1 : read_part(at, '-', 12);
        int day = month < 1 ? -1 : read_part(at, '-', length_of_month(year, month));

        if (day < 1)
                return PARSE_E_INVALID;
        *ret = days_of(year, month, day) * DAY;
        return 0;
}

/* " 14:00", or "T14:00:00": adds the seconds. */
static int read_time(const char **at, int64_t *seconds) {
        int second = 0, hour = read_part(at, **at == 'T' ? 'T' : ' ', 23);
        int minute = hour < 0 ? -1 : read_part(at, ':', 59);

        if (minute >= 0 && **at == ':')
                second = read_part(at, ':', 59);
        if (minute < 0 || second < 0)
                return PARSE_E_INVALID;
        *seconds += hour * 3600 + minute * 60 + second;
        return 0;
}

/* "Z", "+01", "+0100" or "+01:00", or nothing: a local time. */
static int read_zone(const char **at, Moment *moment) {
        char sign = **at;
        int minutes = 0;

        if (!sign)
                return 0;
        moment->kind = MOMENT_UTC;
        if (sign == 'Z') {
                (*at)++;
                return 0;
        }
        int hours = sign == '+' || sign == '-' ? read_part(at, sign, 15) : -1;
        if (hours < 0)
                return PARSE_E_INVALID;
        if (**at)
                minutes = **at == ':' ? read_part(at, ':', 59) : read_digits(at, 2);
        if (minutes < 0 || minutes > 59)
                return PARSE_E_INVALID;
        moment->seconds -= (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
        return 0;
}

/* A number alone is no time: it may have been meant as a year, or as seconds since 1970. */
static int parse_span(const char *text, Moment *ret) {
        usec_t usec;

        if (!text[strspn(text, "0123456789")] || parse_duration(text, 0, SPAN_MAX_USEC, &usec))
                return PARSE_E_INVALID;
        *ret = (Moment){.kind = MOMENT_SPAN, .seconds = (int64_t) (usec / USEC_PER_SEC)};
        return 0;
}

int moment_parse(const char *text, Moment *ret) {
        Moment moment = {.kind = MOMENT_LOCAL};
        const char *at = text;

        if (read_date(&at, &moment.seconds))
                return parse_span(text, ret);
        if (*at && (read_time(&at, &moment.seconds) || read_zone(&at, &moment)))
                return PARSE_E_INVALID;
        if (*at)
                return PARSE_E_INVALID;
        *ret = moment;
        return 0;
}
