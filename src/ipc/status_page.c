#include "ipc/status_page.h"

#include <string.h>
#include <sys/mman.h>

#include "ipc/shared.h"

#define INDEX_MASK 0xffffffff00000000u

int status_page_new(StatusPage **ret, int *ret_fd) {
        void *memory = NULL;
        int r = shared_new("registry-jobd status", sizeof(StatusPage), &memory, ret_fd);
        if (!r)
                *ret = memory;
        return r;
}

int status_page_map(int fd, StatusPage **ret) {
        void *memory = NULL;
        int r = shared_map(fd, sizeof(StatusPage), PROT_READ | PROT_WRITE, &memory);
        if (!r)
                *ret = memory;
        return r;
}

StatusPage *status_page_free(StatusPage *page) {
        shared_unmap(page, sizeof(*page));
        return NULL;
}

void status_page_reset(StatusPage *page) {
        memset(page, 0, offsetof(StatusPage, ring_head));
}

void status_page_count(StatusPage *page, unsigned i, uint64_t value) {
        atomic_store_explicit(&page->counts[i], value, memory_order_release);
}

void status_page_counts(const StatusPage *page, uint64_t *to, unsigned n) {
        for (unsigned i = 0; i < n && i < STATUS_COUNTS; i++)
                to[i] = atomic_load_explicit(&page->counts[i], memory_order_acquire);
}

void status_page_clear_job(StatusPage *page) {
        atomic_store(&page->began_usec, 0);
        atomic_store(&page->job, atomic_load(&page->job) & INDEX_MASK);
}

int32_t status_page_job(const StatusPage *page) {
        return (int32_t) (uint32_t) atomic_load(&page->job);
}

void status_page_note_call(StatusPage *page, usec_t now_usec, usec_t cpu_usec) {
        atomic_store(&page->began_cpu_usec, cpu_usec);
        atomic_store(&page->active_usec, now_usec);
        atomic_store(&page->began_usec, now_usec); /* last: whoever sees it sees the others */
}

void status_page_note_active(StatusPage *page, usec_t now_usec) {
        atomic_store_explicit(&page->active_usec, now_usec, memory_order_relaxed);
}
