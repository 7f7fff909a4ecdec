/* A point in time as people type it. */
#pragma once

#include <stdint.h>

typedef enum MomentKind {
        MOMENT_SPAN,  /* so many seconds before now, or after it: the option says which */
        MOMENT_LOCAL, /* a date and a time of day where the reader is */
        MOMENT_UTC,   /* seconds since 1970 */
} MomentKind;

typedef struct Moment {
        MomentKind kind;
        int64_t seconds; /* MOMENT_LOCAL: since 1970 if the reader were in UTC */
} Moment;

#define MOMENT_ACCEPTED                                                                   \
        "2026-11-30, '2026-11-30 14:00', 2026-11-30T14:00:00Z (or another zone, such as " \
        "+01:00), or how long ago: 90s, 15m, 2h, 3d"

/*
 * Reads what MOMENT_ACCEPTED says; a date alone is the beginning of that day. Returns 0, or
 * PARSE_E_INVALID with *ret as it was.
 */
int moment_parse(const char *text, Moment *ret);
