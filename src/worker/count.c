/*
 * Counts are shown as they are counted. A bucket is written before the sum that it belongs to:
 * status_page_count() says why.
 */
#include "worker/count.h"

_Static_assert((unsigned) _WORK_MAX <= STATUS_COUNTS, "the page has room for all that is counted");

static void show_count(const Counted *counted, StatusPage *page, unsigned i) {
        status_page_count(page, i, counted->work[i]);
}

void count_run(Counted *counted, StatusPage *page, usec_t usec) {
        unsigned bucket = work_add_run(counted->work, usec);
        show_count(counted, page, bucket);
        show_count(counted, page, WORK_RUN_USEC);
}

void count_wait(Counted *counted, StatusPage *page, uint64_t seconds) {
        unsigned bucket = work_add_wait(counted->work, seconds);
        show_count(counted, page, bucket);
        show_count(counted, page, WORK_WAIT_SEC);
}

void count_end(Counted *counted, StatusPage *page, JobState status) {
        static const WorkCount counts[_JOB_STATE_MAX] = {[JOB_COMPLETE] = WORK_COMPLETE,
                                                         [JOB_FAILED] = WORK_FAILED,
                                                         [JOB_CANCELED] = WORK_CANCELED};
        WorkCount i = counts[status];

        if (!i)
                return;
        counted->work[i]++;
        show_count(counted, page, i);
}
