/*
 * The begin of the plugin is the worker's word, and a plugin may have written over it: a time that
 * lies in the future is taken for none. What the kernel says is believed.
 */
#include "worker/account.h"

#include <stdio.h>

#include "registry-job/plugin.h"
#include "util/process.h"

JobUsage account_usage(const StatusPage *page, const struct rusage *usage) {
        usec_t began = atomic_load(&page->began_usec), now = clock_now_usec();
        usec_t began_cpu = atomic_load(&page->began_cpu_usec);

        return (JobUsage){.is_known = 1,
                          .wall_usec = began && began < now ? now - began : 0,
                          .cpu_usec = usec_sub(process_cpu_usec(usage), began_cpu),
                          .peak_bytes = (uint64_t) usage->ru_maxrss * 1024};
}

void account_record(int32_t job_id, const char *text, HistoryRecord *ret) {
        *ret = (HistoryRecord){.job_id = job_id, .status = RJ_RECORD_NOTICE};
        (void) snprintf(ret->key, sizeof(ret->key), "%s", ACCOUNT_KEY);
        (void) snprintf(ret->comment, sizeof(ret->comment), "%s", text);
}
