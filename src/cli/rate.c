/* The table of jobs has a percentage only, so the total of what is to be done is 100. */
#include "cli/rate.h"

#include "cli/output.h"
#include "core/job.h"
#include "util/parse.h"

int rate_read(const PGresult *result, int row, Progress *ret) {
        const char *status = output_value(result, row, "status");
        int64_t percent, seconds;

        return (!*status || job_state_parse(status) == JOB_IN_PROGRESS) &&
               !parse_int64(output_value(result, row, "percent_complete"), 0, 100, &percent) &&
               !parse_int64(output_value(result, row, "running_seconds"), 0, INT64_MAX, &seconds) &&
               progress_guess(percent, 100, seconds, ret);
}

void rate_add_json(const PGresult *result, int row, json_t *object) {
        Progress progress;
        int is_known = rate_read(result, row, &progress);

        (void) json_object_set_new(object, "percent_per_hour",
                                   is_known ? json_real(progress.percent_per_hour) : json_null());
        (void) json_object_set_new(object, "seconds_left",
                                   is_known ? json_integer(progress.seconds_left) : json_null());
}
