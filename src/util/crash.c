#include "util/crash.h"

#ifdef RJ_CRASH_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define X(name) [CRASH_##name] = #name,
        CRASH_POINTS(X)
#undef X
};

int crash_is_wanted(CrashPoint point) {
        const char *wanted = getenv("RJ_CRASH");
        return wanted && !strcmp(wanted, names[point]);
}

void crash_point(CrashPoint point) {
        const char *path = getenv("RJ_CRASH_FILE");

        if (!path || !crash_is_wanted(point))
                return;
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd < 0)
                return; /* it has happened */
        (void) close(fd);
        (void) kill(getpid(), SIGKILL);
}
#endif
