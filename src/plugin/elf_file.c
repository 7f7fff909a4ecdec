#include "plugin/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/macro.h"

#define SEGMENTS_MAX 128 /* of a program header; a plugin has about ten */

static int say(char *why, size_t size, const char *words) {
        (void) snprintf(why, size, "%s", words);
        return ELF_FILE_E_DAMAGED;
}

/* The last byte of the file that a segment is mapped from; UINT64_MAX for one that cannot be. */
static uint64_t end_of_segments(const ElfW(Phdr) segments[], size_t n) {
        uint64_t end = 0;

        for (size_t i = 0; i < n; i++) {
                uint64_t last;
                if (segments[i].p_type != PT_LOAD)
                        continue;
                if (__builtin_add_overflow(segments[i].p_offset, segments[i].p_filesz, &last))
                        return UINT64_MAX;
                end = MAX_OF(end, last);
        }
        return end;
}

static int check_file(int fd, char *why, size_t size) {
        ElfW(Phdr) segments[SEGMENTS_MAX];
        ElfW(Ehdr) header;
        struct stat status;

        if (fstat(fd, &status) < 0)
                return say(why, size, strerror(errno));
        if (pread(fd, &header, sizeof(header), 0) != (ssize_t) sizeof(header) ||
            memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_phentsize != sizeof(segments[0]) || header.e_phnum > SEGMENTS_MAX)
                return say(why, size, "it is no shared object, or only the beginning of one");
        size_t bytes = header.e_phnum * sizeof(segments[0]);
        if (pread(fd, segments, bytes, (off_t) header.e_phoff) != (ssize_t) bytes)
                return say(why, size, "it is no shared object, or only the beginning of one");
        uint64_t end = end_of_segments(segments, header.e_phnum);
        if (end <= (uint64_t) status.st_size)
                return 0;
        (void) snprintf(
                why, size,
                "only %lld of at least %llu bytes are there: copy it again, with install(1)",
                (long long) status.st_size, (unsigned long long) end);
        return ELF_FILE_E_DAMAGED;
}

int elf_file_check(const char *path, char *why, size_t size) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        return fd < 0 ? say(why, size, strerror(errno)) : check_file(fd, why, size);
}
