#include "util/process_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

int process_stat_parse(const char *text, ProcessStat *ret) {
        const char *rest = strrchr(text, ')');
        ProcessStat stat;

        if (!rest || sscanf(rest,
                            ") %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                            "%*d %*d %*d %*d %" SCNd64,
                            &stat.state, &stat.group, &stat.start_ticks) != 3)
                return error_origin(-EBADMSG);
        *ret = stat;
        return 0;
}
