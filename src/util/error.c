/* The one thing that C lacks: where an error came from. It goes to the log at debug level. */
#include "util/error.h"

#include "util/log.h"

void error_trace(const char *what, int r, const char *file, int line) {
        log_debug("%s %d at %s:%d", what, r, file, line);
}
