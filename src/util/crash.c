#include "util/crash.h"

#ifdef RJ_CRASH_POINTS
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define X(name) [CRASH_##name] = #name,
        CRASH_POINTS(X)
#undef X
};

/* A name ends where the list or its word does. */
static const char *find(const char *list, const char *name) {
        size_t n = strlen(name);
        for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
                if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
                        return p;
        return NULL;
}

int crash_is_due(CrashPoint point) {
        const char *wanted = getenv("RJ_CRASH"), *given = getenv("RJ_CRASH_FILE");
        char path[PATH_MAX];

        if (!given || !wanted || !find(wanted, names[point]))
                return 0;
        int is_list = strchr(wanted, ',') != NULL;
        (void) snprintf(path, sizeof(path), "%s%s%s", given, is_list ? "." : "",
                        is_list ? names[point] : "");
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (fd < 0)
                return 0; /* it has happened */
        (void) close(fd);
        return 1;
}

void crash_now(void) {
        (void) kill(getpid(), SIGKILL);
}

void crash_point(CrashPoint point) {
        if (crash_is_due(point))
                crash_now();
}
#endif
