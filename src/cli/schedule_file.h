/* The file of a schedule: what is registered, and when. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/macro.h"
#include "util/problems.h"

#define SCHEDULE_NAME_MAX 64u
#define SCHEDULE_PARAMETERS_MAX 256u

typedef struct Schedule {
        char name[SCHEDULE_NAME_MAX + 1]; /* that of the file, without .conf */
        char *path;
        char *when; /* as OnCalendar= takes it */
        char *co, *job;
        int64_t retry_interval, max_retry;         /* as in Options */
        char *parameters[SCHEDULE_PARAMETERS_MAX]; /* each "name=value" */
        size_t n_parameters;
} Schedule;

#define SCHEDULE_E_INVALID 1

/*
 * Reads the schedule of this name in the directory of schedules, or, with a '/' in the name, that
 * file. Returns 0 with a schedule that is the caller's; SCHEDULE_E_INVALID with all that is wrong,
 * each problem with its file, and its line if it has one; or -ENOMEM.
 */
int schedule_read(const char *name, Schedule **ret, Problems *problems);

Schedule *schedule_free(Schedule *schedule);
DEFINE_CLEANUP(Schedule, schedule_free)
