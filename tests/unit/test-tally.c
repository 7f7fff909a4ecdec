/* What workers show is added up, once, and one that lies costs nobody else his counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "supervisor/tally.h"
#include "worker/count.h"

#define SECOND USEC_PER_SEC

typedef struct Scene {
        Tally tally;
        StatusPage *page;
        int fd;
        Counted counted;
} Scene;

static int setup(void **state) {
        Scene *scene = calloc(1, sizeof(*scene));
        if (!scene || status_page_new(&scene->page, &scene->fd))
                return -1;
        tally_born(&scene->tally, 3, 10 * SECOND);
        *state = scene;
        return 0;
}

static int teardown(void **state) {
        Scene *scene = *state;
        (void) status_page_free(scene->page);
        (void) close(scene->fd);
        free(scene);
        return 0;
}

static CountersRead read_all(const Tally *tally) {
        CountersRead read = {0};
        char *text = tally_to_json(tally);
        assert_int_equal(counters_from_json(text, &read), 1);
        free(text);
        return read;
}

static void work(Scene *scene, JobState status, usec_t usec) {
        count_wait(&scene->counted, scene->page, 2);
        count_end(&scene->counted, scene->page, status);
        count_run(&scene->counted, scene->page, usec);
}

/* Read often, counted once: while it lives, and when it is gone. */
static void test_a_life(void **state) {
        Scene *scene = *state;
        JobUsage none = {0};

        work(scene, JOB_COMPLETE, 100);
        work(scene, JOB_FAILED, 200);
        tally_read(&scene->tally, 3, scene->page, 11 * SECOND);
        tally_read(&scene->tally, 3, scene->page, 12 * SECOND);
        assert_int_equal(read_all(&scene->tally).work[WORK_COMPLETE], 1);
        work(scene, JOB_CANCELED, 300);
        tally_gone(&scene->tally, 3, scene->page, &none, 13 * SECOND);

        /* The next one in the slot begins anew. */
        status_page_reset(scene->page);
        tally_born(&scene->tally, 3, 14 * SECOND);
        scene->counted = (Counted){0};
        work(scene, JOB_COMPLETE, 400);
        tally_read(&scene->tally, 3, scene->page, 15 * SECOND);
        CountersRead all = read_all(&scene->tally);
        assert_int_equal(all.work[WORK_COMPLETE], 2);
        assert_int_equal(all.work[WORK_FAILED], 1);
        assert_int_equal(all.work[WORK_CANCELED], 1);
        assert_int_equal(all.work[WORK_RUN], 4);
        assert_int_equal(all.work[WORK_RUN_USEC], 1000);
        assert_int_equal(all.work[WORK_WAIT_SEC], 8);
        assert_int_equal(all.own[COUNT_WORKERS_STARTED], 2);
}

/* What it ran when it died, unless that is longer than it lived. */
static void test_the_last_run(void **state) {
        Scene *scene = *state;
        JobUsage usage = {.is_known = 1, .wall_usec = 2 * SECOND};

        tally_gone(&scene->tally, 3, scene->page, &usage, 13 * SECOND);
        assert_int_equal(read_all(&scene->tally).work[WORK_RUN_USEC], 2 * SECOND);
        tally_born(&scene->tally, 3, 14 * SECOND);
        tally_gone(&scene->tally, 3, scene->page, &usage, 15 * SECOND);
        assert_int_equal(read_all(&scene->tally).work[WORK_RUN_USEC], 2 * SECOND);
}

/* The last that was believed stays, also when what it shows looks right again. */
static void test_a_liar(void **state) {
        Scene *scene = *state;
        JobUsage usage = {.is_known = 1, .wall_usec = SECOND};

        work(scene, JOB_COMPLETE, 100);
        tally_read(&scene->tally, 3, scene->page, 11 * SECOND);
        status_page_count(scene->page, WORK_COMPLETE, 0);
        tally_read(&scene->tally, 3, scene->page, 12 * SECOND);
        status_page_count(scene->page, WORK_COMPLETE, 5);
        tally_read(&scene->tally, 3, scene->page, 13 * SECOND);
        tally_gone(&scene->tally, 3, scene->page, &usage, 14 * SECOND);
        CountersRead all = read_all(&scene->tally);
        assert_int_equal(all.work[WORK_COMPLETE], 1);
        assert_int_equal(all.work[WORK_RUN_USEC], 100);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_life, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_last_run, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_liar, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
