/* Acts against the shared memory in which worker and supervisor talk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "ipc/status_page.h"

typedef struct Mapping {
        unsigned long from, to;
} Mapping;

/* Shared, writable and without a name: what was mapped before the fork. Returns how many. */
static int find(const Chaos *chaos, Mapping *ret_own) {
        FILE *maps = fopen("/proc/self/maps", "re");
        unsigned long control = (unsigned long) chaos->ctx->control;
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
                if (control >= mapping.from && control < mapping.to)
                        *ret_own = mapping;
        }
        if (maps)
                (void) fclose(maps);
        return n;
}

int act_page(const Chaos *chaos) {
        Mapping own = {0};

        (void) find(chaos, &own);
        if (!own.from)
                return RJ_FAILED;
        for (unsigned long at = own.from; at < own.to; at++)
                *(volatile unsigned char *) at =
                        (unsigned char) (chaos->value < 0 ? random() : chaos->value);
        return RJ_OK;
}

/* The seals stay: only the numbers can tell. */
int act_page_counts(const Chaos *chaos) {
        Mapping own = {0};

        (void) find(chaos, &own);
        if (!own.from)
                return RJ_FAILED;
        StatusPage *page = (StatusPage *) own.from; /* NOLINT: an address of a text file */
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                atomic_store(&page->counts[i], (uint64_t) chaos->value);
        return RJ_OK;
}

int act_page_reach(const Chaos *chaos) {
        Mapping own = {0};
        int n = find(chaos, &own);

        chaos_say(chaos, "reaches %d, its own %s", n, own.from ? "among them" : "not");
        return RJ_OK;
}
