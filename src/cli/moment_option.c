#include "cli/moment_option.h"

#include <time.h>

#include "cli/cli.h"

int moment_option(const char *option, const char *text, const char *remark, Moment *ret) {
        if (!moment_parse(text, ret))
                return CLI_OK;
        cli_say("--%s must be a time such as " MOMENT_ACCEPTED "%s, not '%s'", option, remark,
                text);
        return CLI_USAGE;
}

/* A date and a time of day without a zone are those of the reader's clock. */
static int64_t local_time(int64_t seconds) {
        struct tm broken;
        time_t at = (time_t) seconds;

        if (!gmtime_r(&at, &broken))
                return seconds;
        broken.tm_isdst = -1;
        return (int64_t) mktime(&broken);
}

int64_t moment_past(const Moment *moment) {
        switch (moment->kind) {
        case MOMENT_SPAN:
                return (int64_t) time(NULL) - moment->seconds;
        case MOMENT_LOCAL:
                return local_time(moment->seconds);
        default:
                return moment->seconds;
        }
}
