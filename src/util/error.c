/* The one thing that C lacks: where an error came from. It goes to the log at debug level. */
#include "util/error.h"

#include <errno.h>

#include "util/log.h"

int error_origin_at(int r, const char *file, int line) {
        log_debug("error %d at %s:%d", r, file, line);
        return r;
}

int error_fold_at(int r, const char *file, int line) {
        if (r <= 0)
                return r;
        log_debug("unexpected code %d at %s:%d", r, file, line);
        return -ENOTRECOVERABLE;
}
