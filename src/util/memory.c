#include "util/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Segments that are mapped without the right to write are equal to their file, so that dropping
 * their pages loses nothing. Relocated tables (RELRO) are part of a writable segment, and are not
 * touched.
 */
static int release_object(struct dl_phdr_info *info, size_t size, void *userdata) {
        const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        (void) size;
        (void) userdata;

        if (strstr(info->dlpi_name, "vdso"))
                return 0; /* the kernel's own, without a file */
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
                        continue;
                uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
                uintptr_t end = begin + segment->p_memsz;
                begin &= ~(page - 1);
                end &= ~(page - 1); /* a last page that a writable segment may share stays */
                if (end > begin)
                        (void) madvise((void *) begin, end - begin, MADV_DONTNEED);
        }
        return 0;
}

void memory_release_startup(void) {
        (void) dl_iterate_phdr(release_object, NULL);
}

int memory_oom_kills(uint64_t *ret) {
        char line[128];
        int r = -ENODATA;
        FILE *file = fopen("/proc/vmstat", "re");

        if (!file)
                return -errno;
        while (r && fgets(line, sizeof(line), file))
                if (sscanf(line, "oom_kill %" SCNu64, ret) == 1)
                        r = 0;
        (void) fclose(file);
        return r;
}
