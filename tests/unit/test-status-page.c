/* What a supervisor and a worker share: a cancel meets the job that it was for, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/status_page.h"

static int setup(void **state) {
        StatusPage *page = NULL;
        int r = status_page_new(&page);
        *state = page;
        return r;
}

static int teardown(void **state) {
        *state = status_page_free(*state);
        return 0;
}

static void test_jobs_come_and_go(void **state) {
        StatusPage *page = *state;

        assert_int_equal(status_page_job(page), 0);
        const uint32_t *word = status_page_begin(page, 42);
        assert_int_equal(status_page_job(page), 42);
        assert_int_equal(*word, 0);
        atomic_store(&page->percent, 50);
        (void) status_page_begin(page, 0);
        assert_int_equal(status_page_job(page), 0);
        (void) status_page_begin(page, INT32_MAX);
        assert_int_equal(status_page_job(page), INT32_MAX);
        assert_int_equal(atomic_load(&page->percent), 0);
}

static void test_cancel_meets_its_job_only(void **state) {
        StatusPage *page = *state;

        assert_int_equal(status_page_control(page, 42, 1), 0);
        assert_int_equal(status_page_control(page, 0, 1), 0);
        const uint32_t *first = status_page_begin(page, 42);
        assert_int_equal(status_page_control(page, 41, 1), 0);
        assert_int_equal(*first, 0);
        assert_int_equal(status_page_control(page, 42, 1), 1);
        assert_int_equal(status_page_control(page, 42, 2), 1);
        assert_int_equal(*first, 3);
        (void) status_page_begin(page, 0);
        assert_int_equal(status_page_control(page, 42, 1), 0);
        const uint32_t *second = status_page_begin(page, 43);
        assert_ptr_not_equal(first, second);
        assert_int_equal(*second, 0);
        assert_int_equal(status_page_control(page, 42, 1), 0);
        assert_int_equal(*second, 0);
}

/* What was counted is shown, and is gone with its worker. */
static void test_counts(void **state) {
        StatusPage *page = *state;
        uint64_t counts[STATUS_COUNTS];

        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                status_page_count(page, i, UINT64_MAX - i);
        assert_true(status_page_is_sound(page));
        status_page_counts(page, counts, STATUS_COUNTS);
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                assert_int_equal(counts[i], UINT64_MAX - i);
        status_page_reset(page);
        status_page_counts(page, counts, STATUS_COUNTS);
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                assert_int_equal(counts[i], 0);
}

/* Words are used again after many jobs, and are clean then. */
static void test_words_are_used_again(void **state) {
        StatusPage *page = *state;
        const uint32_t *first = NULL;

        for (int32_t job = 1; job <= 3 * (int32_t) STATUS_CONTROL_WORDS; job++) {
                const uint32_t *word = status_page_begin(page, job);
                if (job == 1)
                        first = word;
                else
                        assert_int_equal(word == first, job % STATUS_CONTROL_WORDS == 1);
                assert_int_equal(*word, 0);
                assert_int_equal(status_page_control(page, job, 1), 1);
                assert_int_equal(*word, 1);
                (void) status_page_begin(page, 0);
                assert_int_equal(*word, 1); /* the plugin may still look at it */
        }
}

static void test_reset(void **state) {
        StatusPage *page = *state;

        (void) status_page_begin(page, 42);
        (void) status_page_control(page, 42, 1);
        atomic_store(&page->wishes, STATUS_WISH_STOP);
        atomic_store(&page->lease_end_usec, 1);
        atomic_store(&page->ring_head, 5);
        status_page_reset(page);
        assert_int_equal(status_page_job(page), 0);
        assert_int_equal(atomic_load(&page->wishes), 0);
        assert_int_equal(atomic_load(&page->lease_end_usec), 0);
        assert_int_equal(atomic_load(&page->ring_head), 0);
        for (size_t i = 0; i < STATUS_CONTROL_WORDS; i++)
                assert_int_equal(page->control[i], 0);
}

static void test_is_shared_with_a_child(void **state) {
        StatusPage *page = *state;
        int status = 0;
        pid_t pid = fork();

        if (!pid) {
                (void) status_page_begin(page, 42);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status_page_job(page), 42);
        assert_null(status_page_free(NULL));
}

/* A plugin only has the address of one control word, and writes up or down from there. */
static void test_scribbling_is_noticed(void **state) {
        static const size_t reach[] = {600, 4096, sizeof(StatusPage)};
        (void) state;
        for (size_t i = 0; i < sizeof(reach) / sizeof(reach[0]); i++)
                for (int value = 0; value < 256; value += 51) {
                        StatusPage *page = NULL;
                        assert_int_equal(status_page_new(&page), 0);
                        assert_true(status_page_is_sound(page));
                        memset(page->control, value,
                               MIN_OF(reach[i], sizeof(*page) - offsetof(StatusPage, control)));
                        assert_false(status_page_is_sound(page));
                        status_page_reset(page);
                        memset(page, value, offsetof(StatusPage, control) + 4);
                        assert_false(status_page_is_sound(page));
                        (void) status_page_free(page);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scribbling_is_noticed),
                cmocka_unit_test_setup_teardown(test_jobs_come_and_go, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel_meets_its_job_only, setup, teardown),
                cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_words_are_used_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
                cmocka_unit_test_setup_teardown(test_is_shared_with_a_child, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
