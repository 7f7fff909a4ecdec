/* How fast a running job is, and when it may be done: a guess from how far it has come. */
#pragma once

#include <stdint.h>

#include "core/when.h"

#define PROGRESS_LEAST_SECONDS 10 /* a job that runs for less says nothing about itself */
#define PROGRESS_RATE_SIZE 32

typedef struct Progress {
        double percent_per_hour;
        int64_t seconds_left;
} Progress;

/*
 * What a job that has done `done` of `total` in `seconds` since its start will still need if it
 * goes on like that. Returns 1; or 0 when nothing is known: there is no total or nothing is done,
 * the job has just begun, or it has done everything and only has not ended yet.
 */
int progress_guess(int64_t done, int64_t total, int64_t seconds, Progress *ret);

/* "2.5 %/min": per second, minute, hour or day, so that there is a digit before the point. */
void progress_rate(const Progress *progress, char text[PROGRESS_RATE_SIZE]);

/* "2.5 %/min, about 24 min left" */
void progress_say(const Progress *progress, char text[WHEN_SIZE]);
