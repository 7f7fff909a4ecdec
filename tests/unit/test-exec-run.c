/*
 * Programs that run one job. Each run also checks what must hold after every run: no descriptor and
 * no child is left, SIGPIPE is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-fake.h"
#include "util/clock.h"
#include "util/text.h"

static int run_model(const ExecModel *model, Fake *fake) {
        struct sigaction action;
        int fds = count_fds();

        begin_job(fake, model, 42);
        int code = fake->context.model->run(&fake->context);

        assert_int_equal(count_fds(), fds);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
        assert_ptr_equal(action.sa_handler, SIG_DFL);
        return code;
}

static int run_script(const char *body, Fake *fake) {
        _cleanup_(exec_model_freep) ExecModel *model = script(body);
        return run_model(model, fake);
}

static void expect_failed(const char *body, const char *summary) {
        Fake fake = {0};

        assert_int_equal(run_script(body, &fake), RJ_FAILED);
        if (!strstr(fake.summary, summary))
                fail_msg("'%s' is not in '%s'", summary, fake.summary);
}

/* What the program says. */

static void test_success(void **state) {
        Fake fake = {0};

        (void) state;
        assert_int_equal(
                run_script("cat > parameters\n"
                           "echo '{\"start_summary\": \"about to\"}'\n"
                           "echo '{\"record\": {\"key\": \"k\", \"comment\": \"c\", \"status\": "
                           "\"OK\", \"person_id\": 17, \"external_identity_id\": 4}}'\n"
                           "echo '{\"record\":{\"status\":\"X\"}, \"progress\":{\"done\":3,"
                           "\"total\":10}}'\n"
                           "echo plain words\n"
                           "echo\n"
                           "echo '{\"recrod\": 1}'\n"
                           "printf 'a\\377b\\000c\\n'\n"
                           "echo '{\"summary\": \"first\"}'\n"
                           "cat parameters\n"
                           "printf '{\"summary\": \"all done\"}'",
                           &fake),
                RJ_OK);
        assert_string_equal(fake.calls,
                            "start about to\n"
                            "record 1 k|c|17|4\n"
                            "record 2 -|-|0|0\n"
                            "progress 3/10\n"
                            "log 6 plain words\n"
                            "log 4 malformed message, ignoring (unknown member 'recrod'): "
                            "{\"recrod\": 1}\n"
                            "log 6 a\xef\xbf\xbd"
                            "b?c\n"
                            "log 4 malformed message, ignoring (end of file expected near '{' at "
                            "column 19): "
                            "{\"model\":\"People\"}{\"summary\": \"all done\"}\n"
                            "summary first\n");
}

static void test_silent_success(void **state) {
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_script("exit 0", &fake), RJ_OK);
        assert_string_equal(fake.calls, "");
}

static void test_standard_error(void **state) {
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_script("echo '{\"summary\": \"no message here\"}' >&2\n"
                                    "printf 'no end' >&2",
                                    &fake),
                         RJ_OK);
        assert_string_equal(fake.calls, "log 5 {\"summary\": \"no message here\"}\nlog 5 no end\n");
}

/* How the program ends. */

static void test_exit_codes(void **state) {
        (void) state;
        expect_failed("exit 3", "' exited with code 3");
        expect_failed("exit 75", "' exited with code 75");
        expect_failed("echo '{\"summary\": \"no LDAP\"}'; exit 3", "no LDAP (exit code 3)");
}

static void test_signals(void **state) {
        (void) state;
        expect_failed("kill -KILL $$", "' was killed by SIGKILL");
        expect_failed("echo '{\"summary\": \"half\"}'; kill -TERM $$", "half (killed by SIGTERM)");
        expect_failed("kill -KILL 0", "' was killed by SIGKILL"); /* the guard with it */
}

static void test_not_executable(void **state) {
        _cleanup_(freep) char *path = write_script("exit 0", 0644);
        _cleanup_(exec_model_freep) ExecModel *plain = model_of(path);
        _cleanup_(exec_model_freep) ExecModel *missing = model_of("/no/such/program -x");
        _cleanup_(exec_model_freep) ExecModel *homeless = model_of("/bin/true");
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_model(plain, &fake), RJ_FAILED);
        assert_non_null(strstr(fake.summary, "'/tmp/test-exec-"));
        assert_non_null(strstr(fake.summary, "' cannot be executed: Permission denied"));
        assert_int_equal(run_model(missing, &fake), RJ_FAILED);
        assert_string_equal(fake.summary,
                            "'/no/such/program' cannot be executed: No such file or directory");
        /* After the daemon has begun, too. */
        assert_int_equal(chmod(path, 0757), 0);
        assert_int_equal(run_model(plain, &fake), RJ_FAILED);
        assert_non_null(strstr(fake.summary, "' is not executed: file '/tmp/test-exec-"));
        assert_non_null(strstr(fake.summary, "(mode 0757): chmod o-w /tmp/test-exec-"));
        free(homeless->directory);
        homeless->directory = strdup("/no/such");
        assert_int_equal(run_model(homeless, &fake), RJ_FAILED);
        assert_string_equal(fake.summary, "could not change to directory '/no/such': "
                                          "No such file or directory");
}

/* What the program is given. */

static void test_environment(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = model_of("/usr/bin/env");
        Fake fake = {0};

        (void) state;
        assert_int_equal(setenv("HOME", "/home/me", 1), 0);
        assert_int_equal(setenv("PGPASSWORD", "secret", 1), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", "/run/x", 1), 0);
        assert_int_equal(exec_model_add_variable(model, "LDAP_URL", "ldap://x y"), 0);
        assert_int_equal(run_model(model, &fake), RJ_OK);
        assert_string_equal(
                fake.calls,
                "log 6 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                "log 6 LANG=C.UTF-8\n"
                "log 6 HOME=/home/me\n"
                "log 6 REGISTRY_JOB_ID=42\n"
                "log 6 REGISTRY_CO_ID=2\n"
                "log 6 REGISTRY_JOB_PLUGIN=Test.Model\n"
                "log 6 LDAP_URL=ldap://x y\n");
}

static void test_arguments(void **state) {
        _cleanup_(freep) char *path =
                write_script("for word; do echo \"[$word]\"; done; pwd", 0755);
        _cleanup_(freep) char *command = text_format("%s --ldif \"out dir\" '' '$HOME;*'", path);
        _cleanup_(freep) char *calls = text_format(
                "log 6 [--ldif]\nlog 6 [out dir]\nlog 6 []\nlog 6 [$HOME;*]\nlog 6 %s\n",
                exec_directory);
        _cleanup_(exec_model_freep) ExecModel *model = model_of(command);
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_model(model, &fake), RJ_OK);
        assert_string_equal(fake.calls, calls);
}

/* Nothing that the worker ignores, blocks or has open reaches the program. */
static void test_clean_process(void **state) {
        _cleanup_(exec_model_freep) ExecModel *signals =
                model_of("/bin/grep -E '^Sig(Blk|Ign)' /proc/self/status");
        _cleanup_(exec_model_freep) ExecModel *files = model_of("/bin/ls /proc/self/fd");
        _cleanup_(closep) int leak = open("/dev/null", O_RDONLY); /* no O_CLOEXEC */
        Fake fake = {0};
        sigset_t one;

        (void) state;
        assert_true(leak >= 0);
        (void) signal(SIGHUP, SIG_IGN);
        (void) sigemptyset(&one);
        (void) sigaddset(&one, SIGUSR1);
        (void) sigprocmask(SIG_BLOCK, &one, NULL);
        assert_int_equal(run_model(signals, &fake), RJ_OK);
        (void) sigprocmask(SIG_UNBLOCK, &one, NULL);
        (void) signal(SIGHUP, SIG_DFL);
        assert_int_equal(run_model(files, &fake), RJ_OK);
        assert_string_equal(fake.calls, "log 6 SigBlk:\t0000000000000000\n"
                                        "log 6 SigIgn:\t0000000000000000\n"
                                        "log 6 0\nlog 6 1\nlog 6 2\nlog 6 3\n"); /* 3 is ls' own */
}

/* Pipes may then get the numbers that the program's own descriptors must have. */
static void test_closed_standard_input(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = script("cat; echo; echo to stderr >&2");
        _cleanup_(closep) int saved = dup(STDIN_FILENO);
        Fake fake = {0};

        (void) state;
        assert_int_equal(close(STDIN_FILENO), 0);
        int code = run_model(model, &fake);
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(code, RJ_OK);
        expect(&fake, "log 4 malformed message, ignoring (unknown member 'model')");
        expect(&fake, "log 5 to stderr\n");
}

static void test_long_parameters(void **state) {
        const size_t length = (size_t) 5 * 1024 * 1024;
        _cleanup_(freep) char *json = malloc(length + 1);
        Fake fake = {.json = json};

        (void) state;
        assert_non_null(json);
        memset(json, 'x', length);
        json[length] = '\0';
        assert_int_equal(run_script("wc -c", &fake), RJ_OK);
        expect(&fake, "log 6 5242880\n");
        assert_int_equal(run_script("exit 0", &fake), RJ_OK);
        assert_int_equal(run_script("exec <&-; echo '{\"summary\": \"unread\"}'", &fake), RJ_OK);
        assert_string_equal(fake.summary, "unread");
        assert_int_equal(run_script("head -c 100000 | wc -c; exec <&-; cat /dev/null", &fake),
                         RJ_OK);
        expect(&fake, "log 6 100000\n");
        assert_int_equal(run_script("wc -c < /dev/stdin", &fake), RJ_OK);
}

/* Cancel and timeout. */

#define READY "echo '{\"progress\": {\"done\": 1, \"total\": 2}}'\n"

static void test_cancel(void **state) {
        Fake fake = {.cancel_on = "progress"}, again = {.cancel_on = "progress"};

        (void) state;
        assert_int_equal(run_script(READY "exec sleep 1000", &fake), RJ_CANCELED);
        assert_string_equal(fake.summary, "canceled");

        /* Even where it ends with 0; what it says on its way counts. */
        assert_int_equal(
                run_script("trap 'echo \"{\\\"summary\\\": \\\"1 of 2\\\"}\"; exit 0' TERM\n"
                           "sleep 1000 &\n" READY "wait",
                           &again),
                RJ_CANCELED);
        assert_string_equal(again.summary, "canceled: 1 of 2");
}

static void test_cancel_before_start(void **state) {
        Fake fake = {.control = RJ_CONTROL_CANCEL};

        (void) state;
        assert_int_equal(run_script("echo started", &fake), RJ_CANCELED);
        assert_string_equal(fake.calls, "summary canceled\n");
}

static void test_cancel_signals(void **state) {
        static const char body[] = "trap '' TERM\ntrap 'exit 0' USR1\nsleep 1000 &\n" READY "wait";
        _cleanup_(exec_model_freep) ExecModel *kill_model = script(body);
        _cleanup_(exec_model_freep) ExecModel *usr1_model = script(body);
        Fake fake = {.cancel_on = "progress"}, again = {.cancel_on = "progress"};

        (void) state;
        exec_model_set_cancel_signal(kill_model, SIGKILL);
        assert_int_equal(run_model(kill_model, &fake), RJ_CANCELED);
        exec_model_set_cancel_signal(usr1_model, SIGUSR1);
        assert_int_equal(run_model(usr1_model, &again), RJ_CANCELED);
}

/* A program that made a session of its own is still told. */
static void test_cancel_in_another_session(void **state) {
        _cleanup_(freep) char *path = write_script(READY "exec sleep 1000", 0755);
        _cleanup_(freep) char *command = text_format("/usr/bin/setsid %s", path);
        _cleanup_(exec_model_freep) ExecModel *model = model_of(command);
        Fake fake = {.cancel_on = "progress"};

        (void) state;
        assert_int_equal(run_model(model, &fake), RJ_CANCELED);
}

static void test_timeout(void **state) {
        _cleanup_(exec_model_freep) ExecModel *polite = script("exec sleep 1000");
        _cleanup_(exec_model_freep) ExecModel *deaf = script("trap '' TERM; sleep 1000");
        Fake fake = {0};

        (void) state;
        assert_int_equal(exec_model_set_timeout(polite, 100 * USEC_PER_MSEC, "100ms"), 0);
        assert_int_equal(run_model(polite, &fake), RJ_FAILED);
        assert_non_null(strstr(fake.summary, "did not end within its timeout of 100ms"));
        assert_int_equal(exec_model_set_timeout(deaf, 100 * USEC_PER_MSEC, "100ms"), 0);
        exec_model_set_kill_after(deaf, 50 * USEC_PER_MSEC);
        assert_int_equal(run_model(deaf, &fake), RJ_FAILED);
}

/* Limits. */

#define PROGRESS "{\"progress\": {\"done\": 1, \"total\": 2}}"

static void test_long_message(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model =
                script("echo '{\"summary\": \"begun\"}'\nprintf '{'; yes | tr -d '\\n'");
        Fake fake = {0};

        (void) state;
        expect_failed("printf ' {'; yes | tr -d '\\n'",
                      "' wrote a message of more than 65536 bytes");
        model->limits.line_bytes = 100;
        assert_int_equal(run_model(model, &fake), RJ_FAILED);
        assert_string_equal(fake.summary, "begun (ended: a message of more than 100 bytes)");
}

/* Of a long text the log gets the beginning, once, and what follows it is a line again. */
static void test_long_text(void **state) {
        Fake fake = {0}, errors = {0};

        (void) state;
        assert_int_equal(run_script("printf begin; yes | head -c 200001 | tr -d '\\n'; echo; "
                                    "echo '{\"summary\": \"after it\"}'",
                                    &fake),
                         RJ_OK);
        assert_string_equal(fake.summary, "after it");
        assert_memory_equal(fake.calls, "log 6 beginyyyy", strlen("log 6 beginyyyy"));
        assert_string_equal(strchr(fake.calls, '\n'), "\nsummary after it\n");
        assert_int_equal(run_script("printf '{'; yes | head -c 200001 | tr -d '\\n'", &errors),
                         RJ_FAILED);
        assert_int_equal(
                run_script("(printf '{'; yes | head -c 200001 | tr -d '\\n') >&2", &errors), RJ_OK);
}

/* Text is counted and dropped, however much; messages among it still count. */
static void test_many_lines(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model =
                script("yes | head -n 100000; seq 4 >&2; echo '{\"summary\": \"done\"}'");
        _cleanup_(exec_model_freep) ExecModel *one = script("seq 3; exit 3");
        _cleanup_(exec_model_freep) ExecModel *none = script("seq 3");
        Fake fake = {0}, again = {0}, all = {0};

        (void) state;
        model->limits.logged_lines = 2;
        assert_int_equal(run_model(model, &fake), RJ_OK);
        assert_string_equal(fake.summary, "done");
        expect(&fake, "log 5 the program wrote 100002 more lines, which the log does not have\n");
        one->limits.logged_lines = 2;
        assert_int_equal(run_model(one, &again), RJ_FAILED);
        expect(&again, "log 6 1\nlog 6 2\nlog 5 the program wrote 1 more line, ");
        none->limits.logged_lines = 3;
        assert_int_equal(run_model(none, &all), RJ_OK);
        assert_string_equal(all.calls, "log 6 1\nlog 6 2\nlog 6 3\n");
}

static void test_many_messages(void **state) {
        _cleanup_(exec_model_freep) ExecModel *endless = script("yes '" PROGRESS "'");
        _cleanup_(exec_model_freep) ExecModel *enough =
                script("yes '" PROGRESS "' | head -n 100; yes | head -n 1000");
        Fake fake = {0}, again = {0};

        (void) state;
        endless->limits.messages = 100;
        assert_int_equal(run_model(endless, &fake), RJ_FAILED);
        assert_non_null(strstr(fake.summary, "' wrote more than 100 messages"));
        enough->limits.messages = 100;
        assert_int_equal(run_model(enough, &again), RJ_OK);
}

/* Descendants. */

static void test_group_is_killed_at_the_end(void **state) {
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_script("exec 9> fifo; printf x >&9; trap '' TERM HUP\n"
                                    "sleep 1000 &\nexit 0",
                                    &fake),
                         RJ_OK);
        expect_read(fifo, 1);
        expect_read(fifo, 0);
}

/* It left the group, and goes on writing: not waited for. */
static void test_descendant_keeps_output(void **state) {
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {0};

        (void) state;
        assert_int_equal(run_script("mkfifo ready\n"
                                    "setsid sh -c 'exec 9> fifo; echo x > ready; exec yes' &\n"
                                    "read x < ready\n"
                                    "echo '{\"summary\": \"left one\"}' >&2",
                                    &fake),
                         RJ_OK);
        expect_read(fifo, 0); /* of SIGPIPE */
}

static void test_lost_host(void **state) {
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {.lose_on = "record 1 two"};

        (void) state;
        assert_int_equal(run_script("exec 9> fifo; trap '' TERM\n"
                                    "for key in one two three; do\n"
                                    "echo \"{\\\"record\\\":{\\\"key\\\":\\\"$key\\\","
                                    "\\\"status\\\":\\\"OK\\\"}}\"\n"
                                    "done\nsleep 1000",
                                    &fake),
                         RJ_E_LOST);
        assert_string_equal(fake.calls, "record 1 one|-|0|0\nrecord 1 two|-|0|0\n");
        expect_read(fifo, 0);
}

/* A worker can be killed at any moment; the program and all of its group die with it. */
static void test_worker_is_killed(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model =
                script("exec 9> fifo; trap '' TERM HUP\nsleep 1000 &\nprintf x >&9\nwait");
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {0};

        (void) state;
        pid_t worker = fork();
        assert_true(worker >= 0);
        if (worker == 0)
                _exit(run_model(model, &fake));
        struct pollfd poll_fd = {.fd = fifo, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, NEVER_MSEC), 1);
        expect_read(fifo, 1);
        assert_int_equal(kill(worker, SIGKILL), 0);
        assert_int_equal(waitpid(worker, NULL, 0), worker);
        expect_read(fifo, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_success),
                cmocka_unit_test(test_silent_success),
                cmocka_unit_test(test_standard_error),
                cmocka_unit_test(test_exit_codes),
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_not_executable),
                cmocka_unit_test(test_environment),
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_clean_process),
                cmocka_unit_test(test_closed_standard_input),
                cmocka_unit_test(test_long_parameters),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_before_start),
                cmocka_unit_test(test_cancel_signals),
                cmocka_unit_test(test_cancel_in_another_session),
                cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_long_message),
                cmocka_unit_test(test_long_text),
                cmocka_unit_test(test_many_lines),
                cmocka_unit_test(test_many_messages),
                cmocka_unit_test(test_group_is_killed_at_the_end),
                cmocka_unit_test(test_descendant_keeps_output),
                cmocka_unit_test(test_lost_host),
                cmocka_unit_test(test_worker_is_killed),
        };
        _cleanup_(closep) int pidfd = pidfd_open(getpid(), 0);

        if (pidfd < 0 && errno == ENOSYS)
                return 77; /* skipped: valgrind does not know it */
        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
