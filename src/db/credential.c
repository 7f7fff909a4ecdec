/*
 * A credential that is there but cannot be used is an error, not a missing one: without its
 * password the service would connect as somebody else, or not at all. A password is never cut.
 */
#include "db/credential.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files/trusted.h"
#include "util/macro.h"
#include "util/text.h"

static int set_invalid(char *why, size_t size, const char *reason) {
        (void) snprintf(why, size, "credential " CREDENTIAL_PASSWORD ": %s", reason);
        return CREDENTIAL_E_INVALID;
}

/* Checks the first `n` bytes of the file, and ends the password. `n` may exceed the buffer. */
static int check_password(char *password, size_t n, char *why, size_t size) {
        if (n > CREDENTIAL_SIZE)
                return set_invalid(why, size, "it is longer than a password may be");
        if (n && password[n - 1] == '\n')
                n--;
        if (n && password[n - 1] == '\r')
                n--;
        if (!n)
                return set_invalid(why, size, "it is empty");
        if (n > CREDENTIAL_SIZE - 1)
                return set_invalid(why, size, "it is longer than a password may be");
        password[n] = '\0';
        if (strlen(password) != n || strchr(password, '\n'))
                return set_invalid(why, size, "it must be one line, the password and nothing else");
        return 0;
}

int credential_read(char password[CREDENTIAL_SIZE], char *why, size_t size) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");

        /* systemd could not mount the directory, as in a container: it exists, but is closed. */
        if (!directory || access(directory, X_OK) < 0)
                return CREDENTIAL_E_NONE;
        _cleanup_(freep) char *path = text_format("%s/%s", directory, CREDENTIAL_PASSWORD);
        if (!path)
                return set_invalid(why, size, "out of memory");
        char text[CREDENTIAL_SIZE + 1], problem[480];
        size_t n = 0;
        int r = trusted_read(path, TRUST_SECRET, text, sizeof(text), &n, problem, sizeof(problem));
        if (r == -ENOENT)
                return CREDENTIAL_E_NONE;
        if (r)
                return set_invalid(why, size, r > 0 ? problem : strerror(-r));
        memcpy(password, text, MIN_OF(n, CREDENTIAL_SIZE));
        explicit_bzero(text, sizeof(text));
        r = check_password(password, n, why, size);
        if (r)
                explicit_bzero(password, CREDENTIAL_SIZE);
        return r;
}

void credential_use_store(void) {
        if (!access(CREDENTIAL_STORE "/" CREDENTIAL_PASSWORD, R_OK))
                (void) setenv("CREDENTIALS_DIRECTORY", CREDENTIAL_STORE, 0);
}
