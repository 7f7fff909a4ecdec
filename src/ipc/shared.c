/*
 * A descriptor that was opened O_RDONLY gives mappings that mprotect(), mremap() and /proc/self/mem
 * cannot make writable. There is no write seal: it would bind the supervisor as well, when it maps
 * the memory again.
 */
#include "ipc/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/error.h"
#include "util/macro.h"

static int map(int fd, size_t size, int protection, void **ret) {
        void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                return error_origin(-errno);
        *ret = memory;
        return 0;
}

int shared_new(const char *name, size_t size, void **ret_memory, int *ret_fd) {
        _cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC);
        void *memory = NULL;

        if (fd < 0 || ftruncate(fd, (off_t) size) < 0)
                return error_origin(-errno);
        int r = map(fd, size, PROT_READ | PROT_WRITE, &memory);
        if (r)
                return r;
        if (madvise(memory, size, MADV_DONTFORK) < 0) {
                r = -errno;
                shared_unmap(memory, size);
                return error_origin(r);
        }
        *ret_memory = memory;
        *ret_fd = fd;
        fd = -1; /* the caller's */
        return 0;
}

int shared_open_read_only(int fd) {
        char path[40];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int again = open(path, O_RDONLY | O_CLOEXEC);
        return again < 0 ? error_origin(-errno) : again;
}

int shared_map(int fd, size_t size, int protection, void **ret_memory) {
        int r = map(fd, size, protection, ret_memory);
        (void) close(fd);
        return r;
}

void shared_unmap(void *memory, size_t size) {
        if (memory)
                (void) munmap(memory, size);
}
