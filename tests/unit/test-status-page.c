/* What a worker shows, and what the supervisor finds there. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/status_page.h"

typedef struct Scene {
        StatusPage *page;
        int fd;
} Scene;

static Scene scene;

static int setup(void **state) {
        (void) state;
        return status_page_new(&scene.page, &scene.fd);
}

static int teardown(void **state) {
        (void) state;
        scene.page = status_page_free(scene.page);
        (void) close(scene.fd);
        assert_null(status_page_free(NULL));
        return 0;
}

static void test_counts(void **state) {
        uint64_t counts[STATUS_COUNTS];

        (void) state;
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                status_page_count(scene.page, i, UINT64_MAX - i);
        status_page_counts(scene.page, counts, STATUS_COUNTS);
        for (unsigned i = 0; i < STATUS_COUNTS; i++)
                assert_true(counts[i] == UINT64_MAX - i);
}

/* The ring is the heir's. */
static void test_reset_leaves_the_ring(void **state) {
        (void) state;
        memset(scene.page, 255, sizeof(*scene.page));
        status_page_reset(scene.page);
        assert_int_equal(status_page_job(scene.page), 0);
        assert_int_equal(atomic_load(&scene.page->last_job), 0);
        assert_int_equal(atomic_load(&scene.page->ended_by), 0);
        assert_true(atomic_load(&scene.page->counts[STATUS_COUNTS - 1]) == 0);
        assert_true(atomic_load(&scene.page->ring_head) == UINT64_MAX);
        assert_true(atomic_load(&scene.page->frames_put) == UINT64_MAX);
        assert_int_equal(scene.page->ring[0], 255);
}

static int map_and_store(void) {
        StatusPage *page;
        if (status_page_map(scene.fd, &page))
                return 1;
        atomic_store(&page->job, 42);
        return 0;
}

static int use_inherited(void) {
        (void) signal(SIGSEGV, SIG_DFL);
        atomic_store(&scene.page->job, 43);
        return 0;
}

static int status_of_child(int (*run)(void)) {
        int status = 0;
        pid_t pid = fork();

        if (!pid)
                _exit(run());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* A child inherits no mapping; over the descriptor it finds the same memory. */
static void test_shared_with_a_child(void **state) {
        (void) state;
        assert_int_equal(status_of_child(map_and_store), 0);
        assert_int_equal(status_page_job(scene.page), 42);
        assert_true(WIFSIGNALED(status_of_child(use_inherited)));
        assert_int_equal(status_page_job(scene.page), 42);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reset_leaves_the_ring, setup, teardown),
                cmocka_unit_test_setup_teardown(test_shared_with_a_child, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
