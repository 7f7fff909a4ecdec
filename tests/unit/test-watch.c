/* The watch in a process of its own: what ends it, and which reason it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/shared.h"
#include "process/spawn.h"
#include "registry-job/plugin.h"
#include "util/macro.h"
#include "worker/watch.h"

#define LEASE (30 * USEC_PER_SEC)
#define MB ((uint64_t) 1 << 20)

static StatusPage *page;
static Orders *orders;
static int page_fd, orders_fd;

/* Of the child, which maps both as a worker does. */
static StatusPage *own_page;
static const Orders *own_orders;
static const uint32_t *word;
static Watch *the_watch;

/* One thing that a plugin may do, between watch_job_begin() and watch_job_end(). */
typedef struct Deed {
        Limits limits;
        usec_t lease_usec; /* from now */
        int (*act)(void);
} Deed;

static int map_as_worker(void) {
        int r = status_page_map(page_fd, &own_page);
        return r ? r : orders_map(orders_fd, &own_orders);
}

static int do_deed(void *arg) {
        const Deed *deed = arg;

        if (map_as_worker() || watch_start(own_page, own_orders, -1, &the_watch))
                return 99;
        word = orders_begin_job(own_orders, own_page, 42);
        watch_job_begin(the_watch, 42, &deed->limits);
        int code = deed->act();
        EndedBy ended_by = watch_job_end(the_watch);
        return ended_by == ENDED_BY_NOBODY ? code : 50 + (int) ended_by;
}

static Outcome run(const Deed *deed) {
        int status;
        pid_t pid;

        status_page_reset(page);
        orders_reset(orders);
        atomic_store(&orders->lease_end_usec, clock_now_usec() + deed->lease_usec);
        const int keep[] = {page_fd, orders_fd};
        assert_int_equal(spawn_child(do_deed, (void *) (uintptr_t) deed, keep, 2, &pid), 0);
        while (!waitpid(pid, &status, WNOHANG)) { /* what a supervisor does */
                (void) orders_control_job(orders, page, atomic_load(&page->overrun_job),
                                          RJ_CONTROL_CANCEL);
                usleep(1000);
        }
        return spawn_outcome(status);
}

static void expect_killed(const Deed *deed, EndedBy ended_by) {
        Outcome outcome = run(deed);
        assert_int_equal(outcome.kind, OUTCOME_SIGNALED);
        assert_int_equal(outcome.value, SIGKILL);
        assert_int_equal(atomic_load(&page->ended_by), ended_by);
}

static void expect_code(const Deed *deed, int code) {
        Outcome outcome = run(deed);
        assert_int_equal(outcome.kind, OUTCOME_EXITED);
        assert_int_equal(outcome.value, code);
        assert_int_equal(atomic_load(&page->ended_by), ENDED_BY_NOBODY);
}

static _Noreturn int eat_memory(void) {
        for (;;) {
                char *piece = malloc(MB);
                if (piece)
                        memset(piece, 1, MB);
        }
}

static int eat_some_memory(void) {
        char *piece = malloc(16 * MB);
        memset(piece, 1, 16 * MB);
        usleep(300000);
        return piece[12345] == 1 ? 7 : 8;
}

static _Noreturn int close_and_eat(void) {
        (void) close_range(0, ~0U, 0);
        (void) open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        (void) open("/dev/null", O_RDONLY);
        eat_memory();
}

static _Noreturn int spin(void) {
        for (;;)
                (void) sched_yield();
}

static _Noreturn int block_and_spin(void) {
        sigset_t all;
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, NULL);
        spin();
}

static int wait_for_word(void) {
        while (!(__atomic_load_n(word, __ATOMIC_RELAXED) & RJ_CONTROL_CANCEL))
                usleep(1000);
        return 7;
}

static _Noreturn int scribble_and_spin(void) {
        memset(own_page, 255, sizeof(*own_page));
        spin();
}

static _Noreturn int leave_group_and_spin(void) {
        (void) setpgid(0, 0);
        spin();
}

static int open_many(void) {
        int n = 0;
        while (n < 1000 && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
                n++;
        return n < 100 && n > 10 ? 7 : 8;
}

static int nothing(void) {
        return 7;
}

static void test_memory(void **state) {
        const Deed deed = {{.memory_bytes = 64 * MB}, LEASE, eat_memory};
        const Deed closing = {{.memory_bytes = 64 * MB}, LEASE, close_and_eat};
        const Deed within = {{.memory_bytes = 64 * MB}, LEASE, eat_some_memory};

        (void) state;
        expect_killed(&deed, ENDED_BY_MEMORY);
        expect_killed(&closing, ENDED_BY_MEMORY);
        expect_code(&within, 7);
}

static void test_cpu_time(void **state) {
        const Deed deed = {{.cpu_usec = 300 * USEC_PER_MSEC}, LEASE, spin};
        const Deed blocked = {{.cpu_usec = 300 * USEC_PER_MSEC}, LEASE, block_and_spin};

        (void) state;
        expect_killed(&deed, ENDED_BY_CPU_TIME);
        expect_killed(&blocked, ENDED_BY_CPU_TIME);
}

static void test_run_time(void **state) {
        const Deed deed = {{.run_usec = 100 * USEC_PER_MSEC}, LEASE, wait_for_word};

        (void) state;
        expect_code(&deed, 50 + ENDED_BY_RUN_TIME);
}

static void test_open_files(void **state) {
        const Deed deed = {{.open_files = 64}, LEASE, open_many};
        const Deed few = {{.open_files = 1}, LEASE, open_many};

        (void) state;
        expect_code(&deed, 7);
        expect_code(&few, 7);
}

static void test_lease(void **state) {
        const Deed deed = {{0}, 200 * USEC_PER_MSEC, spin};
        const Deed blocked = {{0}, 200 * USEC_PER_MSEC, block_and_spin};
        const Deed scribbled = {{0}, 200 * USEC_PER_MSEC, scribble_and_spin};
        const Deed outside = {{0}, 200 * USEC_PER_MSEC, leave_group_and_spin};

        (void) state;
        expect_killed(&deed, ENDED_BY_LEASE);
        expect_killed(&blocked, ENDED_BY_LEASE);
        expect_killed(&scribbled, ENDED_BY_LEASE);
        expect_killed(&outside, ENDED_BY_LEASE);
}

/* The kernel's limits last as long as the job. */
static int run_twice(void *arg) {
        const Limits limits = {.memory_bytes = 64 * MB, .cpu_usec = USEC_PER_SEC, .open_files = 99};
        struct rlimit before[3], after[3];

        (void) arg;
        (void) getrlimit(RLIMIT_DATA, &before[0]);
        (void) getrlimit(RLIMIT_CPU, &before[1]);
        (void) getrlimit(RLIMIT_NOFILE, &before[2]);
        if (map_as_worker() || watch_start(own_page, own_orders, -1, &the_watch))
                return 99;
        for (int i = 0; i < 2; i++) {
                watch_job_begin(the_watch, i, &limits);
                (void) getrlimit(RLIMIT_NOFILE, &after[0]);
                if (after[0].rlim_cur != 99)
                        return 1;
                (void) nothing();
                (void) watch_job_end(the_watch);
        }
        (void) getrlimit(RLIMIT_DATA, &after[0]);
        (void) getrlimit(RLIMIT_CPU, &after[1]);
        (void) getrlimit(RLIMIT_NOFILE, &after[2]);
        return memcmp(before, after, sizeof(before)) ? 2 : 0;
}

static void test_restored(void **state) {
        int status;
        pid_t pid;

        (void) state;
        status_page_reset(page);
        atomic_store(&orders->lease_end_usec, clock_now_usec() + LEASE);
        const int keep[] = {page_fd, orders_fd};
        assert_int_equal(spawn_child(run_twice, NULL, keep, 2, &pid), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(spawn_outcome(status).kind, OUTCOME_EXITED);
        assert_int_equal(spawn_outcome(status).value, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory),   cmocka_unit_test(test_cpu_time),
                cmocka_unit_test(test_run_time), cmocka_unit_test(test_open_files),
                cmocka_unit_test(test_lease),    cmocka_unit_test(test_restored),
        };
        int writable_fd;
        if (status_page_new(&page, &page_fd) || orders_new(&orders, &writable_fd))
                return 1;
        orders_fd = shared_open_read_only(writable_fd);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
