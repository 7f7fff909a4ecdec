#include "util/descriptors.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

DescriptorIdentity descriptor_identify(int fd) {
        DescriptorIdentity none = {.fd = -1};
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return none;
        return (DescriptorIdentity){.fd = fd, .device = st.st_dev, .inode = st.st_ino};
}

int descriptor_is_same(const DescriptorIdentity *identity) {
        struct stat st;

        return identity->fd < 0 || (fstat(identity->fd, &st) == 0 &&
                                    st.st_dev == identity->device && st.st_ino == identity->inode);
}

static int open_parents_errors(void) {
        char path[48];

        (void) snprintf(path, sizeof(path), "/proc/%d/fd/2", (int) getppid());
        return open(path, O_WRONLY | O_APPEND | O_NOCTTY);
}

int descriptors_mend_standard(void) {
        int missing = 0;

        for (int fd = 0; fd <= STDERR_FILENO; fd++) {
                if (fcntl(fd, F_GETFD) >= 0)
                        continue;
                missing++;
                /* Lower ones are open by now: the number that is free is this one. */
                if (fd == STDERR_FILENO && open_parents_errors() >= 0)
                        continue;
                if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
                        break;
        }
        return missing;
}
