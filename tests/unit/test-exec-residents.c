/* The set of resident programs: who shares one, how each is started, what it tells, its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-set.h"
#include "util/text.h"

/* A model that is started in another way has its own. */
static void test_what_is_shared(void **state) {
        Set set = begin(SERVE "end" DONE);
        Fake fake = {0};
        pid_t pids[8];
        int fds[8];

        (void) state;
        assert_int_equal(exec_model_add_variable(set.models[1], "A", "b"), 0);
        exec_model_set_cancel_signal(set.models[0], SIGUSR1);
        make_set(&set);
        assert_int_equal(residents_pids(set.residents, pids, 8), 0);
        assert_int_equal(residents_fds(set.residents, fds, 8), 0);
        assert_int_equal(run_model(&set, 0, 42, &fake), RJ_OK);
        assert_int_equal(residents_pids(set.residents, pids, 8), 2);
        assert_int_equal(residents_fds(set.residents, fds, 8), 4);
        assert_int_equal(count_fds(), set.fds + 4);
        assert_int_equal(run_model(&set, 1, 43, &fake), RJ_OK);
        assert_int_equal(run_model(&set, 1, 44, &fake), RJ_OK);
        assert_int_equal(residents_fds(set.residents, fds, 8), 8);
        assert_int_equal(residents_pids(set.residents, pids, 3), 3);
        assert_int_equal(count_starts(), 2);
        finish(&set);

        /* What is a job's own does not count. */
        set = begin(SERVE "end" DONE);
        exec_model_set_cancel_signal(set.models[0], SIGUSR1);
        assert_int_equal(exec_model_set_timeout(set.models[1], USEC_PER_SEC, "1s"), 0);
        exec_model_limit(set.models[0], 0, 5 * USEC_PER_SEC, 0);
        make_set(&set);
        assert_int_equal(run_model(&set, 0, 42, &fake), RJ_OK);
        assert_int_equal(run_model(&set, 1, 43, &fake), RJ_OK);
        assert_int_equal(count_starts(), 1);
        finish(&set);
        set = begin(SERVE "end" DONE);
        exec_model_limit(set.models[0], 0, 0, 64);
        make_set(&set);
        assert_int_equal(run_model(&set, 0, 42, &fake), RJ_OK);
        assert_int_equal(run_model(&set, 1, 43, &fake), RJ_OK);
        assert_int_equal(count_starts(), 2);
        finish(&set);
}

static void test_not_ready(void **state) {
        static const struct {
                const char *body, *summary;
        } cases[] = {
                {"exit 3", "exited with code 3 before it was ready"},
                {"kill -SEGV $$", "was killed by SIGSEGV"},
                {"sleep 1000", "did not say that it is ready within 200ms"},
                {"exec 3>&-; sleep 1000", "did not say that it is ready within 200ms"},
                {"echo hello >&3; sleep 1000",
                 "did not say that it is ready: '[' or '{' expected near 'hello'"},
                {"echo '{\"job\": 1, \"end\": 0}' >&3; sleep 1000",
                 "did not say that it is ready: unknown member 'job'"},
                {"echo '{\"ready\": 2}' >&3; sleep 1000",
                 "ready: it speaks version 2, and this daemon version 1"},
                {"printf '{\"ready\": 1\\0}\\n' >&3; sleep 1000", "ready: a NUL byte"},
                {"printf '\\377\\n' >&3; sleep 1000", "ready: not UTF-8"},
                {"{ printf '{'; yes | head -c 9000000 | tr -d '\\n'; } >&3; sleep 1000",
                 "did not say that it is ready: more than 4194304 bytes"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(freep) char *body = text_format("echo words >&2\n%s", cases[i].body);
                Set set = begin(body);
                Fake fake = {0};
                if (strstr(cases[i].summary, "200ms"))
                        for (size_t k = 0; k < 2; k++)
                                assert_int_equal(exec_model_set_resident(set.models[k],
                                                                         200 * USEC_PER_MSEC,
                                                                         "200ms"),
                                                 0);
                make_set(&set);
                assert_int_equal(run_job(&set, 42, &fake), RJ_FAILED);
                expect_summary(&fake, cases[i].summary);
                expect(&fake, "log 5 words\n");
                assert_int_equal(count_fds(), set.fds);
                finish(&set);
        }
}

static void test_cancel_while_it_starts(void **state) {
        Set set = begin(HEAD "read -r x < fifo\n" READY "while next; do end" DONE);
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {.control = RJ_CONTROL_CANCEL};

        (void) state;
        (void) fifo; /* open, so that the program finds somebody there */
        set.fds++;
        make_set(&set);
        begin_job(&fake, set.models[0], 0);
        assert_int_equal(residents_start(set.models[0], &fake.context), RJ_CANCELED);
        assert_true(residents_is_down(set.models[0]));
        _cleanup_(freep) char *path = text_format("%s/fifo", exec_directory);
        int writer = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(write(writer, "x\n", 2), 2);
        assert_int_equal(run_job(&set, 42, &fake), RJ_OK);
        assert_false(residents_is_down(set.models[0]));
        assert_int_equal(count_starts(), 1);
        (void) close(writer);
        finish(&set);
}

#define TELL                                                                            \
        "echo '{\"ready\": 1, \"models\": [{\"model\": \"Test.One\", \"parameters\": [" \
        "{\"name\": \"x\", \"type\": \"bool\"}]}, {\"model\": \"Other.Model\"}]}' >&3\n"

static void test_what_the_program_tells(void **state) {
        Set set = begin(HEAD TELL "while next; do end" DONE);
        struct rj_model model;
        Fake fake = {0};
        char why[300];

        (void) state;
        exec_model_let_program_tell(set.models[0]);
        make_set(&set);
        assert_int_equal(residents_describe(set.models[0], &model, why, sizeof(why)), RJ_OK);
        assert_true(model.flags & RJ_MODEL_ANY_PARAMETERS);
        begin_job(&fake, set.models[0], 0);
        assert_int_equal(residents_start(set.models[0], &fake.context), RJ_OK);
        assert_int_equal(residents_describe(set.models[0], &model, why, sizeof(why)), RJ_OK);
        assert_false(model.flags & RJ_MODEL_ANY_PARAMETERS);
        assert_string_equal(model.params[0].name, "x");
        assert_int_equal(residents_describe(set.models[1], &model, why, sizeof(why)), RJ_FAILED);
        assert_non_null(strstr(why, "' does not provide Test.Two, but Other.Model and 1 other"));
        finish(&set);

        /* A section that declares its own wins; a program that names no models has all. */
        set = begin(SERVE "end" DONE);
        assert_int_equal(exec_model_add_parameter(set.models[0], "own", "string"), 0);
        exec_model_let_program_tell(set.models[1]);
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_OK);
        assert_int_equal(residents_describe(set.models[0], &model, why, sizeof(why)), RJ_OK);
        assert_string_equal(model.params[0].name, "own");
        assert_int_equal(residents_describe(set.models[1], &model, why, sizeof(why)), RJ_OK);
        assert_null(model.params);
        assert_false(model.flags & RJ_MODEL_ANY_PARAMETERS);
        finish(&set);
}

static void test_clean_process(void **state) {
        Set set = begin(
                SERVE
                "ls /proc/$$/fd >&2; env | grep REGISTRY >&2; pwd\n"
                "while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac\n"
                "done < /proc/$$/status; end" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 42, &fake), RJ_OK);
        expect(&fake, "log 5 0\nlog 5 1\n");
        expect(&fake, "log 5 2\nlog 5 3\nlog 5 /tmp/"); /* and from 10 on the shell's own */
        expect(&fake, exec_directory);
        expect(&fake, "log 5 SigBlk:\t0000000000000000\nlog 5 SigIgn:\t0000000000000000\n");
        assert_null(strstr(fake.calls, "REGISTRY_JOB_ID"));
        finish(&set);
}

/* A plugin of this process closes what is not its own, and opens something there. */
static void test_lost_descriptors(void **state) {
        Set set = begin(SERVE "end" DONE);
        Fake fake = {0};
        int fds[8];

        (void) state;
        make_set(&set);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(run_model(&set, 0, 42, &fake), RJ_OK);
                assert_int_equal(residents_fds(set.residents, fds, 8), 4);
                assert_int_equal(dup2(STDIN_FILENO, fds[i]), fds[i]);
                assert_int_equal(run_model(&set, 1, 43, &fake), RJ_OK);
                assert_int_equal(count_starts(), 2 * i + 2);
                assert_int_equal(close(fds[i]), 0);
                assert_int_equal(residents_fds(set.residents, fds, 8), 4);
                (void) close(fds[0]);
        }
        finish(&set);
}

static void test_close(void **state) {
        _cleanup_(closep) int fifo = open_fifo();
        Set set = begin("exec 9> fifo\n" SERVE "end" DONE "printf x >&9; echo bye >&2\n");
        Fake fake = {0}, last = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 42, &fake), RJ_OK);
        begin_job(&last, set.models[0], 0);
        residents_close(set.residents, &last.context, 20 * USEC_PER_SEC);
        assert_string_equal(last.calls, "log 5 bye\n");
        expect_read(fifo, 1);
        expect_read(fifo, 0);
        finish(&set);

        set = begin("exec 9> fifo\n" SERVE "end" DONE "sleep 1000\n");
        make_set(&set);
        assert_int_equal(run_job(&set, 42, &fake), RJ_OK);
        residents_close(set.residents, &last.context, 50 * USEC_PER_MSEC);
        expect_read(fifo, 0);
        finish(&set);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_shared),
                cmocka_unit_test(test_not_ready),
                cmocka_unit_test(test_cancel_while_it_starts),
                cmocka_unit_test(test_what_the_program_tells),
                cmocka_unit_test(test_clean_process),
                cmocka_unit_test(test_lost_descriptors),
                cmocka_unit_test(test_close),
        };

        int fd = pidfd_open(getpid(), 0);
        if (fd < 0 && errno == ENOSYS)
                return 77; /* skipped: valgrind does not know it */
        (void) close(fd);
        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
