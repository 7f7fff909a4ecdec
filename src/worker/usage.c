#include "worker/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"

/* The number of kB behind `name`; 0 and no success when it is not there. */
static int find_bytes(const char *status, const char *name, uint64_t *ret) {
        const char *at = strstr(status, name);
        if (!at)
                return -EBADMSG;
        *ret = strtoull(at + strlen(name), NULL, 10) * 1024;
        return 0;
}

static int read_status(int fd, Memory *ret) {
        char status[4096];
        uint64_t anonymous, shared, swapped;
        ssize_t n = fd < 0 ? -1 : pread(fd, status, sizeof(status) - 1, 0);

        if (n <= 0)
                return -EBADF;
        status[n] = '\0';
        if (strncmp(status, "Name:", 5) || find_bytes(status, "\nRssAnon:", &anonymous) ||
            find_bytes(status, "\nRssShmem:", &shared) ||
            find_bytes(status, "\nVmSwap:", &swapped) ||
            find_bytes(status, "\nVmData:", &ret->data_bytes))
                return -EBADMSG;
        ret->used_bytes = anonymous + shared + swapped;
        return 0;
}

int usage_memory(int *fd, Memory *ret) {
        if (!read_status(*fd, ret))
                return 0;
        /* Not closed: whatever has its number now belongs to somebody else. */
        *fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        if (*fd < 0)
                return error_origin(-errno);
        return read_status(*fd, ret);
}
