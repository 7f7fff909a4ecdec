/*
 * What is written into a control group, and in which case: on a directory with files such as the
 * kernel has there. What the kernel makes of it is tried by tests/systemd/vm.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/cgroup.h"
#include "util/macro.h"
#include "worker/worker_cgroup.h"

#define MIB (1024 * 1024)

typedef struct Place {
        char path[64];
        int fd;
} Place;

static void put(const Place *place, const char *name, const char *text) {
        _cleanup_(closep) int fd =
                openat(place->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A plain file keeps what was behind a shorter text: only its beginning is looked at. */
static void expect(const Place *place, const char *name, const char *text) {
        char found[64] = "";
        _cleanup_(closep) int fd = openat(place->fd, name, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_true(read(fd, found, sizeof(found) - 1) >= 0);
        if (strncmp(found, text, strlen(text)))
                fail_msg("%s has %s, not %s", name, found, text);
}

static void remove_files(const Place *place) {
        DIR *directory = opendir(place->path);

        assert_non_null(directory);
        for (const struct dirent *entry; (entry = readdir(directory));)
                (void) unlinkat(place->fd, entry->d_name, 0);
        (void) closedir(directory);
}

static int set_up(void **state) {
        static Place place;

        (void) strcpy(place.path, "/tmp/test-group-XXXXXX");
        if (!mkdtemp(place.path))
                return -1;
        place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        put(&place, "memory.current", "1000000\n");
        put(&place, "memory.max", "-");
        put(&place, "memory.oom.group", "-");
        put(&place, "memory.swap.current", "4096\n");
        put(&place, "memory.swap.max", "-");
        put(&place, "pids.current", "3\n");
        put(&place, "pids.max", "-");
        put(&place, "pids.events", "max 5\n");
        put(&place, "cgroup.procs", "-");
        *state = &place;
        return place.fd < 0;
}

static int tear_down(void **state) {
        Place *place = *state;

        remove_files(place);
        (void) close(place->fd);
        return rmdir(place->path);
}

static void test_no_limits(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY | CGROUP_PIDS};
        Limits limits = {.cpu_usec = 1, .run_usec = 1, .open_files = 1};
        int is_refused = 1;

        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        assert_false(is_refused);
        expect(place, "memory.max", "-");
        expect(place, "memory.oom.group", "-");
        expect(place, "pids.max", "-");
}

static void test_memory(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY};
        Limits limits = {.memory_bytes = MIB, .tasks = 9};
        int is_refused = 1;

        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        expect(place, "memory.max", "2048576");
        expect(place, "memory.swap.max", "4096");
        expect(place, "memory.oom.group", "1");
        expect(place, "pids.max", "-"); /* without its controller */
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        assert_false(is_refused);
        expect(place, "memory.max", "max");
        expect(place, "memory.swap.max", "max");
        expect(place, "memory.oom.group", "0");
        expect(place, "pids.max", "-");
}

static void test_memory_without_swap(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY};
        Limits limits = {.memory_bytes = MIB};
        int is_refused;

        (void) unlinkat(place->fd, "memory.swap.current", 0);
        (void) unlinkat(place->fd, "memory.swap.max", 0);
        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        expect(place, "memory.max", "2048576");
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        expect(place, "memory.max", "max");
}

static void test_tasks(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY | CGROUP_PIDS};
        Limits limits = {.tasks = 7};
        int is_refused = 1;

        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        expect(place, "pids.max", "10");
        expect(place, "memory.max", "-");
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        assert_false(is_refused);
        expect(place, "pids.max", "max");

        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        put(place, "pids.events", "max 6\n");
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        assert_true(is_refused);
        /* That was another job's. */
        assert_int_equal(worker_cgroup_limit(&group, &limits), 0);
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), 0);
        assert_false(is_refused);
}

/* A job whose worker died cannot take its limits off. */
static void test_join(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY | CGROUP_PIDS};

        put(place, "memory.max", "77");
        put(place, "pids.max", "77");
        put(place, "memory.oom.group", "1");
        put(place, "memory.high", "77");
        put(place, "cgroup.freeze", "1");
        assert_int_equal(worker_cgroup_join(&group), 0);
        expect(place, "cgroup.procs", "0");
        expect(place, "memory.high", "max");
        expect(place, "cgroup.freeze", "0");
        expect(place, "memory.max", "max");
        expect(place, "memory.oom.group", "0");
        expect(place, "pids.max", "max");
}

static void test_failures(void **state) {
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY | CGROUP_PIDS};
        Limits limits = {.memory_bytes = MIB, .tasks = 7};
        int is_refused;

        /* What can be set is set. */
        put(place, "memory.current", "nonsense\n");
        assert_int_equal(worker_cgroup_limit(&group, &limits), -EBADMSG);
        expect(place, "memory.max", "-");
        expect(place, "pids.max", "10");
        /* A limit that stays is told of. */
        (void) unlinkat(place->fd, "pids.max", 0);
        assert_int_equal(worker_cgroup_unlimit(&group, &is_refused), -ENOENT);
        expect(place, "memory.max", "max");
        /* A plugin that closes what it finds. */
        group.fd = -1;
        assert_true(worker_cgroup_limit(&group, &limits) < 0);
        assert_true(worker_cgroup_unlimit(&group, &is_refused) < 0);
        (void) unlinkat(place->fd, "cgroup.procs", 0);
        group.fd = place->fd;
        assert_int_equal(worker_cgroup_join(&group), -ENOENT);
}

/* Frozen, it could not even say so: it stays outside of what cannot be put right. */
static void test_join_nothing_broken(void **state) {
        static const char *const files[] = {"cgroup.freeze", "memory.high", "memory.max",
                                            "pids.max"};
        const Place *place = *state;
        WorkerCgroup group = {.fd = place->fd, .controllers = CGROUP_MEMORY | CGROUP_PIDS};

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                (void) unlinkat(place->fd, files[i], 0);
                assert_int_equal(symlinkat("loop", place->fd, "loop"), 0);
                assert_int_equal(symlinkat("loop", place->fd, files[i]), 0);
                assert_int_equal(worker_cgroup_join(&group), -ELOOP);
                expect(place, "cgroup.procs", "-");
                (void) unlinkat(place->fd, files[i], 0);
                (void) unlinkat(place->fd, "loop", 0);
        }
        assert_int_equal(worker_cgroup_join(&group), 0);
        expect(place, "cgroup.procs", "0");
}

/* A child that waits for a signal. */
static pid_t fork_sleeper(void) {
        pid_t pid = fork();

        if (pid == 0) {
                (void) alarm(60);
                (void) pause();
                _exit(0);
        }
        assert_true(pid > 0);
        return pid;
}

/* Before Linux 5.14 there is no cgroup.kill. */
static void test_end_one_by_one(void **state) {
        const Place *place = *state;
        pid_t pids[2] = {fork_sleeper(), fork_sleeper()};
        char list[64];
        int status;

        put(place, "cgroup.events", "populated 0\nfrozen 0\n");
        (void) snprintf(list, sizeof(list), "%d\n0\n1\n%d\n%d\n", pids[0], getpid(), pids[1]);
        put(place, "cgroup.procs", list);
        assert_false(cgroup_end(place->fd));
        assert_int_equal(waitpid(-1, &status, WNOHANG), 0);
        put(place, "cgroup.events", "populated 1\nfrozen 0\n");
        assert_true(cgroup_end(place->fd));
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        put(place, "cgroup.kill", "-");
        assert_true(cgroup_end(place->fd));
        expect(place, "cgroup.kill", "1");
        (void) unlinkat(place->fd, "cgroup.events", 0);
        assert_false(cgroup_end(place->fd)); /* nothing is known */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_no_limits, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_memory, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_memory_without_swap, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_tasks, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_join, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_join_nothing_broken, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_end_one_by_one, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
