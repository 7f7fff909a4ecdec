#include "db/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/macro.h"

static int refuse(char *why, size_t size, const char *reason) {
        (void) snprintf(why, size, "credential " CREDENTIAL_PASSWORD ": %s", reason);
        return CREDENTIAL_E_INVALID;
}

/* `n` bytes of the file, which may be as long as the buffer, or longer. */
static int check(char *password, size_t n, char *why, size_t size) {
        if (n > CREDENTIAL_SIZE)
                return refuse(why, size, "it is longer than a password may be");
        if (n && password[n - 1] == '\n')
                n--;
        if (n && password[n - 1] == '\r')
                n--;
        if (!n)
                return refuse(why, size, "it is empty");
        if (n > CREDENTIAL_SIZE - 1)
                return refuse(why, size, "it is longer than a password may be");
        password[n] = '\0';
        if (strlen(password) != n || strchr(password, '\n'))
                return refuse(why, size, "it must be one line, the password and nothing else");
        return 0;
}

/* Up to CREDENTIAL_SIZE bytes; one more than that stands for all that follows. -1: see errno. */
static ssize_t read_all(int fd, char password[CREDENTIAL_SIZE]) {
        ssize_t n = read(fd, password, CREDENTIAL_SIZE);
        char more;
        return n == CREDENTIAL_SIZE && read(fd, &more, 1) > 0 ? n + 1 : n;
}

int credential_read(char password[CREDENTIAL_SIZE], char *why, size_t size) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char path[PATH_MAX];

        /* Where it could not be mounted, as in a container, the directory is there, and closed. */
        if (!directory || access(directory, X_OK) < 0)
                return CREDENTIAL_E_NONE;
        (void) snprintf(path, sizeof(path), "%s/%s", directory, CREDENTIAL_PASSWORD);
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
                return CREDENTIAL_E_NONE;
        ssize_t n = fd < 0 ? -1 : read_all(fd, password);
        if (n < 0)
                return refuse(why, size, strerror(errno));
        int r = check(password, (size_t) n, why, size);
        if (r)
                explicit_bzero(password, CREDENTIAL_SIZE);
        return r;
}

void credential_use_store(void) {
        if (!access(CREDENTIAL_STORE "/" CREDENTIAL_PASSWORD, R_OK))
                (void) setenv("CREDENTIALS_DIRECTORY", CREDENTIAL_STORE, 0);
}
