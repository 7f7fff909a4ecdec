#include "util/descriptors.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/macro.h"

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

/* Without /dev/null a directory has to do: nobody can read it as a file, nor write to it. */
static int open_nothing(int mode) {
        int fd = open("/dev/null", mode);
        return fd >= 0 ? fd : open("/", O_RDONLY | O_DIRECTORY);
}

static int open_nothing_for_errors(void) {
        return open_nothing(O_WRONLY);
}

/* Lower ones are open by now: the number that is free is that of the one that is missing. */
static int open_standard(int output_mode, int (*open_errors)(void)) {
        int missing = 0;

        for (int fd = 0; fd <= STDERR_FILENO; fd++) {
                if (fcntl(fd, F_GETFD) >= 0)
                        continue;
                missing++;
                if (fd == STDERR_FILENO && open_errors() >= 0)
                        continue;
                if (open_nothing(fd == STDIN_FILENO ? O_RDONLY : output_mode) < 0)
                        break;
        }
        return missing;
}

int descriptors_mend_standard(void) {
        return open_standard(O_WRONLY, open_parents_errors);
}

int descriptors_fill_standard(void) {
        return open_standard(O_RDONLY, open_nothing_for_errors);
}

#define DESCRIPTORS_MAX 1048576u /* the kernel's own default for fs.nr_open */

void descriptors_close(unsigned from, unsigned to) {
        struct rlimit limit;

        if (from > to || !close_range(from, to, 0))
                return;
        /* Of a number above the limit that was open before it was lowered nobody tells. */
        rlim_t end = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? DESCRIPTORS_MAX : limit.rlim_max;
        end = MIN_OF(end, (rlim_t) DESCRIPTORS_MAX);
        for (unsigned fd = from; fd <= to && fd < end; fd++)
                (void) close((int) fd);
}
