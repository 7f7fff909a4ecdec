/*
 * A cancel races with the end of its job. The supervisor reads which job is published, and sets
 * that job's word; in between the worker may have ended the job and begun another, which must not
 * get the same word. So the supervisor first says which word it is about to write, and reads what
 * is published after that; the worker first unpublishes the job that ended, and then passes over
 * the word that is being written. One of the two always sees the other (Dekker): all of these
 * accesses are sequentially consistent.
 */
#include "ipc/orders.h"

#include <string.h>
#include <sys/mman.h>

#include "ipc/shared.h"

int orders_new(Orders **ret, int *ret_fd) {
        void *memory = NULL;
        int r = shared_new("registry-jobd orders", sizeof(Orders), &memory, ret_fd);
        if (!r)
                *ret = memory;
        return r;
}

int orders_map(int fd, const Orders **ret) {
        void *memory = NULL;
        int r = shared_map(fd, sizeof(Orders), PROT_READ, &memory);
        if (!r)
                *ret = memory;
        return r;
}

Orders *orders_free(Orders *orders) {
        shared_unmap(orders, sizeof(*orders));
        return NULL;
}

void orders_reset(Orders *orders) {
        memset(orders, 0, sizeof(*orders));
}

static uint32_t index_of(uint64_t job) {
        return (uint32_t) (job >> 32);
}

/* The words are used in turn, so that one is not used again at once. */
static int find_word(const Orders *orders, uint32_t last, uint32_t *ret) {
        for (uint32_t i = 1; i <= ORDERS_WORDS; i++) {
                uint32_t index = (last + i) % ORDERS_WORDS;
                if (atomic_load(&orders->writing) == index + 1 || /* first: see above */
                    __atomic_load_n(&orders->words[index], __ATOMIC_SEQ_CST))
                        continue;
                *ret = index;
                return 1;
        }
        return 0;
}

const uint32_t *orders_begin_job(const Orders *orders, StatusPage *page, int32_t job_id) {
        uint32_t index;

        status_page_clear_job(page);
        if (!find_word(orders, index_of(atomic_load(&page->job)), &index))
                return NULL;
        atomic_store(&page->overrun_job, 0);
        atomic_store(&page->percent, 0);
        atomic_store(&page->last_job, job_id);
        atomic_store(&page->job, (uint64_t) index << 32 | (uint32_t) job_id);
        return &orders->words[index];
}

int orders_control_job(Orders *orders, const StatusPage *page, int32_t job_id, uint32_t bits) {
        uint64_t job = atomic_load(&page->job);
        uint32_t index = index_of(job);
        int is_running = 0;

        orders_clear_words(orders, page);
        if (!job_id || (int32_t) (uint32_t) job != job_id || index >= ORDERS_WORDS)
                return 0;
        atomic_store(&orders->writing, index + 1);
        if (atomic_load(&page->job) == job) {
                (void) __atomic_fetch_or(&orders->words[index], bits, __ATOMIC_SEQ_CST);
                is_running = 1;
        }
        atomic_store(&orders->writing, 0);
        return is_running;
}

/* A word that does not read 0 is never picked, so none of these can become a job's meanwhile. */
void orders_clear_words(Orders *orders, const StatusPage *page) {
        uint64_t job = atomic_load(&page->job);

        for (uint32_t i = 0; i < ORDERS_WORDS; i++)
                if (orders->words[i] && (i != index_of(job) || !(uint32_t) job))
                        __atomic_store_n(&orders->words[i], 0, __ATOMIC_SEQ_CST);
}
