/* Points in time as words for people. All times are seconds since 1970, in UTC. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* There is no such time: the column is NULL or infinite. */
#define WHEN_NEVER INT64_MIN

#define WHEN_SIZE 96

/* "2026-08-05T10:03:22Z", for programs; "" for WHEN_NEVER. */
void when_iso(int64_t at, char text[WHEN_SIZE]);

/* "10:03:22 UTC"; the date stands before it when `now` is on another day. */
void when_clock(int64_t at, int64_t now, char text[WHEN_SIZE]);

/* "12 s", "4 min", "3 h", "5 days"; a negative number counts as 0. */
void when_span(int64_t seconds, char text[WHEN_SIZE]);

/* "since 10:03:22 UTC (4 min)"; "" for WHEN_NEVER. */
void when_since(int64_t at, int64_t now, char text[WHEN_SIZE]);

/* "at 10:03:22 UTC (4 min ago)", or "(in 4 min)"; "" for WHEN_NEVER. */
void when_at(int64_t at, int64_t now, char text[WHEN_SIZE]);
