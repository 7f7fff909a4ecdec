/* Acts against the shared memory in which worker and supervisor talk. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acts.h"
#include "ipc/frame.h"
#include "ipc/orders.h"

typedef struct Mapping {
        unsigned long from, to;
} Mapping;

/* The memory that the worker writes; returns how many shared mappings can be written to. */
static int find_page(Mapping *ret) {
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        int n = 0;

        while (maps && fgets(line, sizeof(line), maps)) {
                Mapping mapping;
                char *at = line;

                mapping.from = strtoul(at, &at, 16);
                mapping.to = strtoul(at + 1, &at, 16);
                if (strncmp(at, " rw-s", 5))
                        continue;
                n++;
                if (strstr(line, "registry-jobd status"))
                        *ret = mapping;
        }
        if (maps)
                (void) fclose(maps);
        return n;
}

int act_page(const Chaos *chaos) {
        Mapping own = {0};

        (void) find_page(&own);
        if (!own.from)
                return RJ_FAILED;
        for (unsigned long at = own.from; at < own.to; at++)
                *(volatile unsigned char *) at =
                        (unsigned char) (chaos->value < 0 ? random() : chaos->value);
        return RJ_OK;
}

/* Only the numbers can tell. */
int act_page_counts(const Chaos *chaos) {
        Mapping own = {0};

        (void) find_page(&own);
        if (!own.from)
                return RJ_FAILED;
        StatusPage *page = (StatusPage *) own.from; /* NOLINT: an address of a text file */
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                atomic_store(&page->counts[i], (uint64_t) chaos->value);
        return RJ_OK;
}

int act_page_reach(const Chaos *chaos) {
        Mapping own = {0};
        int n = find_page(&own);

        chaos_say(chaos, "reaches %d, its own %s", n, own.from ? "among them" : "not");
        return RJ_OK;
}

/* Descriptors through which the shared memory could be mapped again. */
static int count_descriptors(void) {
        char path[40], target[128];
        int n = 0;

        for (int fd = 0; fd < 1024; fd++) {
                (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                ssize_t size = readlink(path, target, sizeof(target) - 1);
                if (size <= 0)
                        continue;
                target[size] = '\0';
                n += strstr(target, "registry-jobd") != NULL;
        }
        return n;
}

/* Tries everything that might write to what the supervisor tells the worker; says what did. */
int act_page_orders(const Chaos *chaos) {
        const size_t size = sysconf(_SC_PAGESIZE) > 0 ? (size_t) sysconf(_SC_PAGESIZE) : 4096;
        unsigned long word = (unsigned long) chaos->ctx->control;
        void *orders = (void *) (word / size * size); /* NOLINT: the page of an address */
        const uint32_t value = RJ_CONTROL_CANCEL;
        int by_mprotect, by_memory = 0, by_mremap = 0;

        by_mprotect = !mprotect(orders, size, PROT_READ | PROT_WRITE);
        int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                by_memory = pwrite(fd, &value, sizeof(value), (off_t) word) > 0;
                (void) close(fd);
        }
        void *again = mremap(orders, 0, size, MREMAP_MAYMOVE); /* a second mapping of the memory */
        if (again != MAP_FAILED) {
                by_mremap = !mprotect(again, size, PROT_READ | PROT_WRITE);
                (void) munmap(again, size);
        }
        chaos_say(chaos, "mprotect %d, /proc/self/mem %d, mremap %d, descriptors %d, canceled %d",
                  by_mprotect, by_memory, by_mremap, count_descriptors(), rj_canceled(chaos->ctx));
        return RJ_OK;
}

/* A record of a job that is not ours, put into the ring as if it were the worker's own. */
int act_page_forge(const Chaos *chaos) {
        HistoryRecord record = {.job_id = (int32_t) chaos->value,
                                .status = RJ_RECORD_OK,
                                .key = "forged",
                                .comment = "forged"};
        char frame[RING_FRAME_MAX];
        Mapping own = {0};

        (void) find_page(&own);
        if (!own.from)
                return RJ_FAILED;
        StatusPage *page = (StatusPage *) own.from; /* NOLINT: an address of a text file */
        return ring_put(page, frame, frame_encode(&record, frame)) ? RJ_FAILED : RJ_OK;
}
