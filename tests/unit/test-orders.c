/* What the supervisor tells a worker: a cancel meets the job that it was for, and no other. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/orders.h"
#include "ipc/shared.h"

#define JOBS 10000

static Orders *orders;
static StatusPage *page;
static int orders_fd, page_fd;

static int setup(void **state) {
        (void) state;
        int r = orders_new(&orders, &orders_fd);
        return r ? r : status_page_new(&page, &page_fd);
}

static int teardown(void **state) {
        (void) state;
        orders = orders_free(orders);
        page = status_page_free(page);
        (void) close(orders_fd);
        (void) close(page_fd);
        return 0;
}

static uint32_t read_word(const uint32_t *word) {
        return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void test_a_cancel_in_time(void **state) {
        (void) state;
        assert_int_equal(orders_control_job(orders, page, 42, 1), 0);
        assert_int_equal(orders_control_job(orders, page, 0, 1), 0);
        const uint32_t *word = orders_begin_job(orders, page, 42);
        assert_int_equal(orders_control_job(orders, page, 41, 1), 0);
        assert_int_equal(read_word(word), 0);
        assert_int_equal(orders_control_job(orders, page, 42, 1), 1);
        assert_int_equal(orders_control_job(orders, page, 42, 2), 1);
        assert_int_equal(read_word(word), 3);
        assert_int_equal(status_page_job(page), 42);
        assert_int_equal(atomic_load(&page->last_job), 42);
}

static void test_a_cancel_too_late(void **state) {
        (void) state;
        const uint32_t *first = orders_begin_job(orders, page, 42);
        assert_int_equal(orders_control_job(orders, page, 42, 1), 1);
        const uint32_t *second = orders_begin_job(orders, page, 43);
        assert_true(first != second);
        assert_int_equal(read_word(second), 0);
        assert_int_equal(orders_control_job(orders, page, 42, 1), 0);
        assert_int_equal(read_word(second), 0);
        assert_int_equal(read_word(first), 0); /* nobody's any more: cleared */
        status_page_clear_job(page);
        assert_int_equal(orders_control_job(orders, page, 43, 1), 0);
        assert_int_equal(atomic_load(&page->last_job), 43);
}

/* A word is not a job's while the supervisor is about to write it, or has written it. */
static void test_words_are_not_shared(void **state) {
        (void) state;
        for (unsigned i = 0; i < ORDERS_WORDS; i++)
                orders->words[i] = i != 7 && i != 9;
        atomic_store(&orders->writing, 8);
        assert_ptr_equal(orders_begin_job(orders, page, 42), &orders->words[9]);
        orders->words[9] = 1;
        assert_null(orders_begin_job(orders, page, 43));
        atomic_store(&orders->writing, 0);
        assert_ptr_equal(orders_begin_job(orders, page, 43), &orders->words[7]);
        orders_clear_words(orders, page);
        for (unsigned i = 0; i < ORDERS_WORDS; i++)
                assert_int_equal(orders->words[i], 0);
}

static void test_an_index_that_makes_no_sense(void **state) {
        (void) state;
        atomic_store(&page->job, (uint64_t) ORDERS_WORDS << 32 | 42);
        assert_int_equal(orders_control_job(orders, page, 42, 1), 0);
        atomic_store(&page->job, UINT64_MAX);
        assert_int_equal(orders_control_job(orders, page, -1, 1), 0);
        assert_non_null(orders_begin_job(orders, page, 43));
}

/* Cancels every 64th job as it ends, again and again, while the worker goes on. */
static void *cancel_late(void *arg) {
        (void) arg;
        for (;;) {
                int32_t job = atomic_load(&page->last_job);
                if (job == JOBS)
                        return NULL;
                if (job % 64 == 0 && job)
                        (void) orders_control_job(orders, page, job, 1);
        }
}

static void test_many_jobs_of_no_time(void **state) {
        unsigned canceled = 0;
        pthread_t thread;

        (void) state;
        assert_int_equal(pthread_create(&thread, NULL, cancel_late, NULL), 0);
        for (int32_t job = 1; job <= JOBS; job++) {
                const uint32_t *word = orders_begin_job(orders, page, job);
                assert_non_null(word);
                for (int i = 0; i < 20; i++) {
                        uint32_t value = read_word(word);
                        canceled += value != 0;
                        if (job % 64)
                                assert_int_equal(value, 0);
                }
                status_page_clear_job(page);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        print_message("%u looks saw a cancel\n", canceled);
}

/* Dies of SIGSEGV, or returns 0 when it could not write either. */
static int try_to_write(void) {
        const Orders *own;
        uint32_t value = 1;
        int fd = shared_open_read_only(orders_fd);

        (void) close(orders_fd);
        if (fd < 0 || orders_map(fd, &own))
                return 9;
        void *word = (void *) (uintptr_t) &own->words[0];
        if (!mprotect((void *) (uintptr_t) own, sizeof(*own), PROT_READ | PROT_WRITE))
                return 1;
        int memory = open("/proc/self/mem", O_RDWR);
        if (memory >= 0 && pwrite(memory, &value, sizeof(value), (off_t) (uintptr_t) word) > 0)
                return 2;
        void *moved =
                mremap((void *) (uintptr_t) own, sizeof(*own), 2 * sizeof(*own), MREMAP_MAYMOVE);
        if (moved != MAP_FAILED && !mprotect(moved, sizeof(*own), PROT_READ | PROT_WRITE))
                return 3;
        return 0;
}

static void test_cannot_be_written(void **state) {
        int status = 0;

        (void) state;
        pid_t pid = fork();
        if (!pid)
                _exit(try_to_write());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(orders->words[0], 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_cancel_in_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_cancel_too_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_words_are_not_shared, setup, teardown),
                cmocka_unit_test_setup_teardown(test_an_index_that_makes_no_sense, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many_jobs_of_no_time, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cannot_be_written, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
