/* The file that systemd makes of a credential, whatever an administrator has put into it. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "db/credential.h"
#include "fuzz.h"

static void write_credential(int dir, const uint8_t *data, size_t size) {
        int fd = openat(dir, CREDENTIAL_PASSWORD, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        (void) close(fd);
}

/* Never cut: the bytes of the file without one end of line, of which each half may be missing. */
static void check_password(const char *password, const uint8_t *data, size_t size) {
        size_t n = strlen(password), has_newline = size && data[size - 1] == '\n';
        size_t has_return = size > has_newline && data[size - has_newline - 1] == '\r';

        FUZZ_CHECK(n && n < CREDENTIAL_SIZE && n == size - has_newline - has_return);
        FUZZ_CHECK(!memcmp(password, data, n) && !strchr(password, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char path[] = "/tmp/fuzz-credential-XXXXXX";
        char *password = malloc(CREDENTIAL_SIZE);
        char why[256] = "";

        FUZZ_CHECK(password && mkdtemp(path) && !setenv("CREDENTIALS_DIRECTORY", path, 1));
        int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        FUZZ_CHECK(dir >= 0);
        write_credential(dir, data, size);
        int r = credential_read(password, why, sizeof(why));
        FUZZ_CHECK(r == 0 || r == CREDENTIAL_E_INVALID);
        FUZZ_CHECK((r != 0) == (*why != 0));
        if (!r)
                check_password(password, data, size);
        for (size_t i = 0; r && i < CREDENTIAL_SIZE; i++)
                FUZZ_CHECK(!password[i]); /* what was refused is wiped */
        (void) unlinkat(dir, CREDENTIAL_PASSWORD, 0);
        (void) close(dir);
        (void) rmdir(path);
        free(password);
        return 0;
}
