#include "ipc/status_page.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "util/error.h"

_Static_assert(offsetof(StatusPage, wishes) % 64 == 0, "one writer, its cache lines");

int status_page_new(StatusPage **ret) {
        void *page = mmap(NULL, sizeof(StatusPage), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
                return error_origin(-errno);
        status_page_reset(page);
        *ret = page;
        return 0;
}

StatusPage *status_page_free(StatusPage *page) {
        if (page)
                (void) munmap(page, sizeof(*page));
        return NULL;
}

void status_page_reset(StatusPage *page) {
        /* The ring's bytes may stay: only what lies between its two counters is read. */
        memset(page, 0, offsetof(StatusPage, ring));
        atomic_store(&page->worker_seal, STATUS_SEAL);
        atomic_store(&page->supervisor_seal, STATUS_SEAL);
        atomic_store(&page->control_seal, STATUS_SEAL);
}

int status_page_is_sound(const StatusPage *page) {
        return atomic_load(&page->worker_seal) == STATUS_SEAL &&
               atomic_load(&page->supervisor_seal) == STATUS_SEAL &&
               atomic_load(&page->control_seal) == STATUS_SEAL;
}

void status_page_count(StatusPage *page, unsigned i, uint64_t value) {
        atomic_store_explicit(&page->counts[i], value, memory_order_release);
}

void status_page_counts(const StatusPage *page, uint64_t *to, unsigned n) {
        for (unsigned i = 0; i < n && i < STATUS_COUNTS; i++)
                to[i] = atomic_load_explicit(&page->counts[i], memory_order_acquire);
}

static uint32_t *word_of(StatusPage *page, uint64_t job) {
        return &page->control[(job >> 32) % STATUS_CONTROL_WORDS];
}

const uint32_t *status_page_begin(StatusPage *page, int32_t job_id) {
        uint64_t number = (atomic_load(&page->job) >> 32) + (job_id ? 1 : 0);
        uint64_t job = number << 32 | (uint32_t) job_id;
        uint32_t *word = word_of(page, job);

        if (job_id) {
                __atomic_store_n(word, 0, __ATOMIC_RELAXED);
                atomic_store(&page->percent, 0);
        }
        atomic_store(&page->began_usec, 0);
        atomic_store(&page->job, job);
        return word;
}

int32_t status_page_job(const StatusPage *page) {
        return (int32_t) (uint32_t) atomic_load(&page->job);
}

int status_page_control(StatusPage *page, int32_t job_id, uint32_t bits) {
        uint64_t job = atomic_load(&page->job);

        if (!job_id || (int32_t) (uint32_t) job != job_id)
                return 0;
        (void) __atomic_fetch_or(word_of(page, job), bits, __ATOMIC_RELAXED);
        return 1;
}

void status_page_called(StatusPage *page, usec_t now_usec, usec_t cpu_usec) {
        atomic_store(&page->began_cpu_usec, cpu_usec);
        atomic_store(&page->active_usec, now_usec);
        atomic_store(&page->began_usec, now_usec); /* last: whoever sees it sees the others */
}

void status_page_active(StatusPage *page, usec_t now_usec) {
        atomic_store_explicit(&page->active_usec, now_usec, memory_order_relaxed);
}
