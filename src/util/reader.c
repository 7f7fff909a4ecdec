#include "util/reader.h"

#include <errno.h>
#include <unistd.h>

ssize_t read_fully(int fd, char *to, size_t size) {
        size_t used = 0;

        while (used < size) {
                ssize_t n = read(fd, to + used, size - used);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (!n)
                        break;
                used += (size_t) n;
        }
        return (ssize_t) used;
}
