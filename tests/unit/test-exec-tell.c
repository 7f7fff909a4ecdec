/* Programs that are told something: what they get, what is made of their end, what the log has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-fake.h"
#include "exec/exec_tell.h"
#include "util/clock.h"

#define TEXT "{\"id\":42}\n"

static char words[VERDICT_SUMMARY_SIZE];

/* Leaves no descriptor and no child, however it went. */
static int tell(const ExecModel *model, Fake *fake) {
        int fds = count_fds();

        begin_job(fake, model, 42);
        *words = '\0';
        int code = exec_tell(model, &fake->context, TEXT, words);
        assert_int_equal(count_fds(), fds);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        return code;
}

static int tell_script(const char *body, Fake *fake) {
        _cleanup_(exec_model_freep) ExecModel *model = script(body);
        return tell(model, fake);
}

static void test_ends(void **state) {
        static const struct {
                const char *body;
                int code;
                const char *words;
                const char *calls;
        } rows[] = {
                {"read -r line; [ \"$line\" = '{\"id\":42}' ]", RJ_OK, "", ""},
                {"exit 0", RJ_OK, "", ""}, /* without having read */
                {"exit 3", RJ_FAILED, "exited with code 3", ""},
                {"echo 'no route' >&2; exit 1", RJ_FAILED, "exited with code 1: no route",
                 "log 5 no route\n"},
                {"kill -9 $$", RJ_FAILED, "was killed by SIGKILL", ""},
                /* No message: it is no job. */
                {"cat", RJ_OK, "", "log 5 {\"id\":42}\n"},
                {"echo '{\"summary\": \"s\"}'; exit 1", RJ_FAILED, "exited with code 1",
                 "log 5 {\"summary\": \"s\"}\n"},
                {"[ -z \"$REGISTRY_JOB_ID$NOTIFY_SOCKET\" ] && [ -n \"$PATH\" ]", RJ_OK, "", ""},
        };

        (void) state;
        assert_int_equal(setenv("NOTIFY_SOCKET", "/run/none", 1), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Fake fake = {0};
                int code = tell_script(rows[i].body, &fake);
                if (code != rows[i].code || !strstr(words, rows[i].words) ||
                    strcmp(fake.calls, rows[i].calls) != 0)
                        fail_msg("'%s': %d, '%s', '%s'", rows[i].body, code, words, fake.calls);
        }
}

static size_t count_lines(const char *calls) {
        size_t n = 0;
        while ((calls = strchr(calls, '\n'))) {
                calls++;
                n++;
        }
        return n;
}

/* What it writes without an end costs a bounded number of lines. */
static void test_flood(void **state) {
        Fake fake = {0};

        (void) state;
        assert_int_equal(tell_script("i=0; while [ $i -lt 500 ]; do echo x; echo y >&2; "
                                     "i=$((i+1)); done",
                                     &fake),
                         RJ_OK);
        assert_int_equal(count_lines(fake.calls), EXEC_TOLD_LINES_MAX + 1);
        expect(&fake, "log 5 the program wrote 900 more lines, which the log does not have\n");
}

/* It is killed with all of its group. */
static void test_timeout(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = script(
                "trap '' TERM; sleep 60 > fifo & printf x > fifo; while :; do sleep 60; done");
        Fake fake = {0};
        int fifo = open_fifo();

        (void) state;
        assert_int_equal(exec_model_set_timeout(model, 300 * USEC_PER_MSEC, "300ms"), 0);
        exec_model_set_kill_after(model, 100 * USEC_PER_MSEC);
        usec_t began = clock_now_usec();
        assert_int_equal(tell(model, &fake), RJ_FAILED);
        assert_true(clock_now_usec() - began < 5 * USEC_PER_SEC);
        assert_non_null(strstr(words, "did not end within its timeout of 300ms"));
        expect_read(fifo, 1);
        expect_read(fifo, 0);
        (void) close(fifo);
}

static void test_absent(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = model_of("/nonexistent/hook");
        Fake fake = {0};

        (void) state;
        assert_int_equal(tell(model, &fake), RJ_FAILED);
        assert_non_null(strstr(words, "'/nonexistent/hook' cannot be executed"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_flood),
                cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_absent),
        };
        int fd = pidfd_open(getpid(), 0);
        if (fd < 0)
                return 77;
        (void) close(fd);
        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
