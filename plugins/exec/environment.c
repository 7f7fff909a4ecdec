/*
 * Passing the daemon's environment on would hand its database password, its service manager's
 * socket and whatever the administrator's shell had to programs that need none of it.
 */
#include "exec/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

#define OWN_MAX 6
#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int names_equal(const char *a, const char *b) {
        size_t n = strcspn(a, "=");
        return n == strcspn(b, "=") && !strncmp(a, b, n);
}

/* Adds a word NAME=value; one of the same name gives way. 0 or -ENOMEM. */
static _printf_(2, 3) int put(char **environment, const char *format, ...) {
        char *word = NULL;
        size_t i = 0;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&word, format, ap);
        va_end(ap);
        if (n < 0)
                return error_origin(-ENOMEM);
        while (environment[i] && !names_equal(environment[i], word))
                i++;
        free(environment[i]);
        environment[i] = word;
        return 0;
}

char **environment_new(const char *plugin, int32_t job_id, int32_t co_id, const char *home,
                       char *const extra[], size_t n_extra) {
        _cleanup_(environment_freep) char **environment =
                calloc(OWN_MAX + n_extra + 1, sizeof(*environment));
        int failed = !environment;

        if (!failed)
                failed = put(environment, "PATH=%s", STANDARD_PATH) ||
                         put(environment, "LANG=C.UTF-8") ||
                         (home && put(environment, "HOME=%s", home));
        if (!failed && plugin)
                failed = put(environment, "REGISTRY_JOB_ID=%" PRId32, job_id) ||
                         put(environment, "REGISTRY_CO_ID=%" PRId32, co_id) ||
                         put(environment, "REGISTRY_JOB_PLUGIN=%s", plugin);
        for (size_t i = 0; !failed && i < n_extra; i++)
                failed = put(environment, "%s", extra[i]) != 0;
        return failed ? NULL : TAKE_PTR(environment);
}

char **environment_free(char **environment) {
        for (char **p = environment; p && *p; p++)
                free(*p);
        free(environment);
        return NULL;
}

int environment_is_reserved(const char *name) {
        return !strncmp(name, "REGISTRY_", strlen("REGISTRY_"));
}
