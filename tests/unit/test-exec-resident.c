/* The jobs of a resident program. */
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

#include "exec-set.h"
#include "util/text.h"

/* Jobs. */

static void test_job_after_job(void **state) {
        Set set = begin(SERVE "echo \"$line\" >&2; echo out\n"
                              "say '\"record\": {\"key\": \"k\", \"status\": \"OK\", "
                              "\"person_id\": 17}, \"progress\": {\"done\": 1, \"total\": 2}'\n"
                              "say '\"start_summary\": \"about to\"'\n"
                              "summary \"did $job\"\nend" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(count_starts(), 0);
        assert_int_equal(run_model(&set, 0, 42, &fake), RJ_OK);
        expect(&fake, "record 1 k|-|17|0\nprogress 1/2\n");
        expect(&fake, "start about to\n");
        expect(&fake, "log 5 {\"job\": 42, \"co\": 2, \"model\": \"Test.One\", \"parameters\": "
                      "{\"model\":\"People\"}}\n");
        expect(&fake, "log 5 out\n");
        assert_string_equal(fake.summary, "did 42");
        fake = (Fake){.json = "{}"};
        assert_int_equal(run_model(&set, 1, 43, &fake), RJ_OK);
        expect(&fake,
               "log 5 {\"job\": 43, \"co\": 2, \"model\": \"Test.Two\", \"parameters\": {}}");
        assert_string_equal(fake.summary, "did 43");
        for (int32_t job = 44; job < 144; job++)
                assert_int_equal(run_job(&set, job, &fake), RJ_OK);
        assert_string_equal(fake.summary, "did 143");
        assert_int_equal(count_starts(), 1);
        finish(&set);
}

static void test_ends(void **state) {
        Set set = begin(SERVE "case $job in 1) end;; 2) end 3;; 3) summary 'no LDAP'; end -1;;\n"
                              "*) say '\"summary\": \"at once\", \"end\": 0';; esac" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_OK);
        assert_string_equal(fake.calls, "");
        assert_int_equal(run_job(&set, 2, &fake), RJ_FAILED);
        expect_summary(&fake, "' ended the job with 3");
        assert_int_equal(run_job(&set, 3, &fake), RJ_FAILED);
        expect_summary(&fake, "no LDAP (ended with -1)");
        assert_int_equal(run_job(&set, 4, &fake), RJ_OK);
        expect_summary(&fake, "at once");
        assert_int_equal(count_starts(), 1);
        finish(&set);
}

/* Nobody speaks for a job but who says its number, and while it runs. */
static void test_lines_of_others(void **state) {
        Set set = begin(SERVE
                        "this=$job; job=$((this - 1)); summary wrong; end\n"
                        "job=$((this + 1)); summary 'too early'\n"
                        "echo hello >&3; echo '{\"end\": 0}' >&3\n"
                        "printf '{\"job\": %s, \"summary\": \"\\377\"}\\n' $job >&3\n"
                        "job=$this; summary right; next=$((this + 1))\n"
                        "printf '{\"job\": %s, \"end\": %s}\\n' $job 0 $job 5 $next 6 >&3" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 42, &fake), RJ_OK);
        assert_string_equal(fake.summary, "right");
        expect(&fake, "log 4 a line of no job, dropping it ('[' or '{' expected near 'hello' at "
                      "column 5): hello\n");
        expect(&fake, "log 4 a line of no job, dropping it (missing member 'job'): {\"end\": 0}\n");
        expect(&fake, "log 5 6 lines of other jobs, or of none, dropped\n");
        /* Of the lines that came behind the end none counts, whatever number it has. */
        for (int32_t job = 43; job < 60; job++) {
                assert_int_equal(run_job(&set, job, &fake), RJ_OK);
                assert_string_equal(fake.summary, "right");
        }
        assert_int_equal(count_starts(), 1);
        finish(&set);
}

/* A process that the first job has left writes into the second one's pipe all the time. */
static void test_leftover_process(void **state) {
        Set set = begin(SERVE "if [ $job = 1 ]; then\n"
                              "(while :; do end 7; done) & \nfi\n"
                              "summary $job; end" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        /* Whoever is first: both lines are of job 1. */
        (void) run_job(&set, 1, &fake);
        int heard = 0;
        for (int32_t job = 2; job < 50 || (!heard && job < 10000); job++) {
                assert_int_equal(run_job(&set, job, &fake), RJ_OK);
                heard += strstr(fake.calls, "of other jobs, or of none, dropped\n") != NULL;
        }
        assert_true(heard);
        assert_int_equal(count_starts(), 1);
        finish(&set);
}

/* What cannot be read, and says that it is of the job, may have been its end. */
static void test_malformed(void **state) {
        static const struct {
                const char *body, *summary;
        } cases[] = {
                {"printf '{\"job\": %s, \"summary\": \"\\377\"}\\n' $job >&3", "not UTF-8"},
                {"printf '{\"job\": %s, \\0}\\n' $job >&3", "a NUL byte"},
                {"printf '{\"job\": %s, \\n' $job >&3", "near end of file"},
                {"say '\"finish\": 0'", "unknown member 'finish'"},
                {"say '\"end\": \"0\"'", "member 'end' must be an integer"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(freep) char *body = text_format(
                        "%s[ $job != 42 ] || { %s; continue; }; end%s", SERVE, cases[i].body, DONE);
                Set set = begin(body);
                Fake fake = {0};
                make_set(&set);
                assert_int_equal(run_job(&set, 42, &fake), RJ_FAILED);
                expect_summary(&fake, "' wrote a line that is no message: ");
                expect_summary(&fake, cases[i].summary);
                assert_int_equal(run_job(&set, 43, &fake), RJ_OK);
                assert_int_equal(count_starts(), 2);
                finish(&set);
        }
}

#define LONG "yes | head -c 200000 | tr -d '\\n'"

static void test_limits_of_output(void **state) {
        Set set = begin(SERVE "case $job in\n"
                              "1) { printf '{\"job\": 1, \"summary\": \"'; " LONG
                              "; echo '\"}'; } >&3;;\n"
                              "2) while :; do summary again; done;;\n"
                              "3) { printf '{\"job\": 1, \"summary\": \"'; " LONG
                              "; echo '\"}'; } >&3; end;;\n"
                              "4) { " LONG "; echo; } >&3; end;;\n"
                              "5) seq 9; end;;\nesac" DONE);
        Fake fake = {0};

        (void) state;
        set.models[0]->limits.messages = 100;
        set.models[0]->limits.logged_lines = 4;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' wrote a message of more than 65536 bytes");
        assert_int_equal(run_job(&set, 2, &fake), RJ_FAILED);
        expect_summary(&fake, "again (ended: more than 100 messages)");
        assert_int_equal(count_starts(), 2);
        assert_int_equal(run_job(&set, 3, &fake), RJ_OK);
        expect(&fake, "log 5 1 line of other jobs, or of none, dropped\n");
        assert_int_equal(run_job(&set, 4, &fake), RJ_OK);
        expect(&fake, "log 4 a line of no job, dropping it (more than 65536 bytes): yyy");
        assert_int_equal(run_job(&set, 5, &fake), RJ_OK);
        expect(&fake, "log 5 the program wrote 5 more lines, which the log does not have\n");
        assert_int_equal(count_starts(), 3);
        finish(&set);
}

static void test_long_parameters(void **state) {
        const size_t length = (size_t) 256 * 1024; /* more than a pipe takes */
        char *json = malloc(length + 3);
        Set set = begin(SERVE "summary ${#line}; end" DONE);
        Fake fake = {.json = json};

        (void) state;
        assert_non_null(json);
        memset(json, 'x', length + 2);
        json[0] = json[length + 1] = '"';
        json[length + 2] = '\0';
        make_set(&set);
        for (int32_t job = 100; job < 103; job++) {
                assert_int_equal(run_job(&set, job, &fake), RJ_OK);
                assert_string_equal(fake.summary, "262204");
        }
        finish(&set);
        free(json);
}

/* Deaths. */

static void test_death_in_a_job(void **state) {
        Set set = begin(SERVE "case $job in 1) exit 7;; 2) kill -KILL $$;; 3) kill -KILL 0;;\n"
                              "4) summary half; exit 0;; 5) end; exit 0;; esac; end" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' exited with code 7 before the end of the job");
        assert_int_equal(run_job(&set, 2, &fake), RJ_FAILED);
        expect_summary(&fake, "' was killed by SIGKILL before the end of the job");
        assert_int_equal(run_job(&set, 3, &fake), RJ_FAILED);
        expect_summary(&fake, "' was killed by SIGKILL before the end of the job");
        assert_int_equal(run_job(&set, 4, &fake), RJ_FAILED);
        expect_summary(&fake, "half (exit code 0)");
        assert_int_equal(count_starts(), 4);
        /* It says the end, and goes: whenever that is seen, the next job has a new one. */
        assert_int_equal(run_job(&set, 5, &fake), RJ_OK);
        assert_int_equal(run_job(&set, 6, &fake), RJ_OK);
        assert_int_equal(run_job(&set, 7, &fake), RJ_OK);
        assert_int_equal(count_starts(), 6);
        finish(&set);
}

/* It is alive when the next job is written, and ends without having read that. */
static void test_job_that_was_not_read(void **state) {
        Set set = begin(HEAD READY "next; end\nsleep 0.3; exit 3\n");
        Set unwilling = {0};
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_OK);
        assert_int_equal(run_job(&set, 2, &fake), RJ_OK);
        assert_int_equal(count_starts(), 2);
        finish(&set);

        /* Once, and not for ever. */
        unwilling = begin(HEAD READY "sleep 0.1; exit 3\n");
        make_set(&unwilling);
        assert_int_equal(run_job(&unwilling, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' exited with code 3 before the end of the job");
        assert_int_equal(count_starts(), 2);
        finish(&unwilling);
}

static void test_closed_pipes(void **state) {
        Set set = begin(
                SERVE
                "case $job in 1) exec 3>&-; sleep 1000;; 2) end; exec <&-; exec sleep 1000;;\n"
                "esac; end" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' closed descriptor 0 or 3 before the end of the job");
        assert_int_equal(run_job(&set, 2, &fake), RJ_OK);
        finish(&set);
}

/* A way to ask for a successor: no further job comes. */
static void test_closed_input_asks_for_a_new_one(void **state) {
        Set set = begin(HEAD READY "next; exec <&-; end; exec sleep 1000\n");
        Fake fake = {0};

        (void) state;
        make_set(&set);
        for (int32_t job = 1; job < 4; job++)
                assert_int_equal(run_job(&set, job, &fake), RJ_OK);
        assert_int_equal(count_starts(), 3);
        finish(&set);
}

static void test_lost_host(void **state) {
        _cleanup_(closep) int fifo = open_fifo();
        Set set = begin("exec 9> fifo\n" SERVE "say '\"record\": {\"key\": \"k\", \"status\": "
                        "\"OK\"}'; sleep 1000" DONE);
        Fake fake = {.lose_on = "record 1 k"};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_E_LOST);
        expect_read(fifo, 0);
        finish(&set);
}

static void test_worker_is_killed(void **state) {
        Set set = begin("exec 9> fifo; trap '' TERM HUP\nsleep 1000 &\n" SERVE
                        "printf x >&9; wait" DONE);
        _cleanup_(closep) int fifo = open_fifo();
        Fake fake = {0};

        (void) state;
        set.fds++;
        pid_t worker = fork();
        assert_true(worker >= 0);
        if (worker == 0) {
                make_set(&set);
                _exit(run_job(&set, 1, &fake));
        }
        struct pollfd poll_fd = {.fd = fifo, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, NEVER_MSEC), 1);
        expect_read(fifo, 1);
        assert_int_equal(kill(worker, SIGKILL), 0);
        assert_int_equal(waitpid(worker, NULL, 0), worker);
        expect_read(fifo, 0);
        finish(&set);
}

/* Cancel and timeout. */

#define UNTIL_TOLD "while [ -z \"$told\" ]; do sleep 0.01; done; told="
#define WAIT "say '\"progress\": {\"done\": 1, \"total\": 2}'; " UNTIL_TOLD

static void test_cancel(void **state) {
        Set set = begin("trap 'told=1; summary \"1 of 2\"' TERM\n" SERVE WAIT "; end" DONE);
        Set mortal = {0};
        Fake fake = {.cancel_on = "progress"}, plain = {0};

        (void) state;
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_CANCELED);
        assert_string_equal(fake.summary, "canceled: 1 of 2");
        assert_int_equal(run_job(&set, 2, &fake), RJ_CANCELED);
        assert_int_equal(count_starts(), 1);
        /* Before it was begun. */
        begin_job(&plain, set.models[0], 3);
        plain.control = RJ_CONTROL_CANCEL;
        assert_int_equal(plain.context.model->run(&plain.context), RJ_CANCELED);
        assert_string_equal(plain.calls, "summary canceled\n");
        finish(&set);

        mortal = begin(SERVE "[ $job = 2 ] || { " WAIT "; }; end" DONE);
        make_set(&mortal);
        assert_int_equal(run_job(&mortal, 1, &fake), RJ_CANCELED);
        assert_string_equal(fake.summary, "canceled");
        assert_int_equal(run_job(&mortal, 2, &fake), RJ_OK);
        assert_int_equal(count_starts(), 2);
        finish(&mortal);
}

/* The signal is sent when the end has been written, or nearly: no job but its own is hit. */
static void test_cancel_at_the_end(void **state) {
        Set set = begin(SERVE "say '\"progress\": {\"done\": 1, \"total\": 2}'; end" DONE);
        Fake fake = {0};

        (void) state;
        make_set(&set);
        for (int32_t job = 1; job < 60; job++) {
                fake.cancel_on = job % 2 ? "progress" : NULL;
                int code = run_job(&set, job, &fake);
                if (job % 2 == 0)
                        assert_int_equal(code, RJ_OK);
        }
        finish(&set);
}

static void test_timeout(void **state) {
        Set set = begin("trap told=1 TERM\n" SERVE "[ $job != 1 ] || { " UNTIL_TOLD "; }\n"
                        "[ $job != 2 ] || { trap '' TERM; sleep 1000; }; end" DONE);
        Fake fake = {0};

        (void) state;
        assert_int_equal(exec_model_set_timeout(set.models[0], 300 * USEC_PER_MSEC, "300ms"), 0);
        make_set(&set);
        assert_int_equal(run_job(&set, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' did not end within its timeout of 300ms");
        assert_int_equal(run_model(&set, 1, 3, &fake), RJ_OK);
        assert_int_equal(count_starts(), 1); /* it has said the end of that job */
        exec_model_set_kill_after(set.models[0], 50 * USEC_PER_MSEC);
        assert_int_equal(run_job(&set, 2, &fake), RJ_FAILED);
        assert_int_equal(run_model(&set, 1, 3, &fake), RJ_OK);
        assert_int_equal(count_starts(), 2);
        finish(&set);

        /* One that has not even read its job is no better. */
        Set idle = begin(HEAD READY "exec sleep 1000\n");
        assert_int_equal(exec_model_set_timeout(idle.models[0], 100 * USEC_PER_MSEC, "100ms"), 0);
        make_set(&idle);
        assert_int_equal(run_job(&idle, 1, &fake), RJ_FAILED);
        expect_summary(&fake, "' did not end within its timeout of 100ms");
        assert_int_equal(count_starts(), 1);
        finish(&idle);
}

#define BUSY "while :; do :; done"

/* Of each job, not of the process; and with an end for a program that takes the signal. */
static void test_cpu_time(void **state) {
        Set set = begin(SERVE "[ $job != 99 ] || " BUSY "\n"
                              "[ $job != 98 ] || { trap : XCPU; " BUSY "; }\n"
                              "while read -r ticks < /proc/$$/stat; set -- $ticks;\n"
                              "[ $(((${14} + ${15}) / 10)) -lt $job ]; do :; done; end" DONE);
        Fake fake = {0};

        (void) state;
        exec_model_limit(set.models[0], 0, USEC_PER_SEC, 0);
        make_set(&set);
        /* Each until the process has used so many tenths of a second. */
        assert_int_equal(run_job(&set, 6, &fake), RJ_OK);
        fake = (Fake){0};
        assert_int_equal(run_model(&set, 1, 22, &fake), RJ_OK); /* a model without a limit */
        assert_int_equal(run_job(&set, 28, &fake), RJ_OK);
        assert_int_equal(count_starts(), 1);
        assert_int_equal(run_job(&set, 99, &fake), RJ_FAILED);
        expect_summary(&fake, "' was killed by SIGXCPU before the end of the job");
        assert_int_equal(run_job(&set, 98, &fake), RJ_FAILED);
        expect_summary(&fake, "' used more than its 1 s of CPU time");
        assert_int_equal(count_starts(), 2);
        finish(&set);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_job_after_job),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_lines_of_others),
                cmocka_unit_test(test_leftover_process),
                cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_limits_of_output),
                cmocka_unit_test(test_long_parameters),
                cmocka_unit_test(test_death_in_a_job),
                cmocka_unit_test(test_job_that_was_not_read),
                cmocka_unit_test(test_closed_pipes),
                cmocka_unit_test(test_closed_input_asks_for_a_new_one),
                cmocka_unit_test(test_lost_host),
                cmocka_unit_test(test_worker_is_killed),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_at_the_end),
                cmocka_unit_test(test_timeout),
                cmocka_unit_test(test_cpu_time),
        };

        int fd = pidfd_open(getpid(), 0);
        if (fd < 0 && errno == ENOSYS)
                return 77; /* skipped: valgrind does not know it */
        (void) close(fd);
        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
