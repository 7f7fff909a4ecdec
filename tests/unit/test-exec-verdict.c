/* The pure halves of running a program: when it is signaled, and what its end means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "exec/ending.h"
#include "exec/environment.h"
#include "exec/verdict.h"
#include "registry-job/plugin.h"

#define SEC USEC_PER_SEC

static const EndPolicy policy = {.cancel_signal = SIGUSR1, .kill_after_usec = 10 * SEC};

static void test_no_reason(void **state) {
        Ending ending = ending_begin(0, 5);

        (void) state;
        assert_int_equal(ending_step(&ending, &policy, 0, USEC_INFINITY - 1), 0);
        assert_int_equal(ending.reason, END_ITSELF);
}

static void test_cancel_is_told_once(void **state) {
        Ending ending = ending_begin(0, 5);

        (void) state;
        assert_int_equal(ending_step(&ending, &policy, 0, 6), 0);
        assert_int_equal(ending_step(&ending, &policy, 1, 7), SIGUSR1);
        assert_int_equal(ending_step(&ending, &policy, 1, 1000 * SEC), 0);
        assert_int_equal(ending.reason, END_CANCELED);
}

static void test_timeout_then_kill(void **state) {
        Ending ending = ending_begin(60 * SEC, 100 * SEC);

        (void) state;
        assert_int_equal(ending_step(&ending, &policy, 0, 159 * SEC), 0);
        assert_int_equal(ending_step(&ending, &policy, 0, 160 * SEC), SIGUSR1);
        assert_int_equal(ending_step(&ending, &policy, 1, 169 * SEC), 0); /* told already */
        assert_int_equal(ending_step(&ending, &policy, 1, 170 * SEC), SIGKILL);
        assert_int_equal(ending_step(&ending, &policy, 1, 180 * SEC), 0);
        assert_int_equal(ending.reason, END_TIMEOUT);
}

static void test_timeout_after_cancel(void **state) {
        Ending ending = ending_begin(60 * SEC, 0);

        (void) state;
        assert_int_equal(ending_step(&ending, &policy, 1, 50 * SEC), SIGUSR1);
        assert_int_equal(ending_step(&ending, &policy, 1, 60 * SEC), 0);
        assert_int_equal(ending_step(&ending, &policy, 1, 70 * SEC), SIGKILL);
        assert_int_equal(ending.reason, END_CANCELED);
}

static void test_verdicts(void **state) {
        enum { SEGV = SIGSEGV, CORE = 0x80 | SIGABRT, CODE_3 = 3 << 8, RT = 40 };
        static const struct {
                EndReason reason;
                int status;
                const char *own;
                int code;
                const char *summary;
        } cases[] = {
                {END_ITSELF, 0, "", RJ_OK, ""},
                {END_ITSELF, 0, "3 done", RJ_OK, "3 done"},
                {END_ITSELF, CODE_3, "", RJ_FAILED, "'/p' exited with code 3"},
                {END_ITSELF, 75 << 8, "", RJ_FAILED, "'/p' exited with code 75"},
                {END_ITSELF, CODE_3, "no LDAP", RJ_FAILED, "no LDAP (exit code 3)"},
                {END_ITSELF, SEGV, "", RJ_FAILED, "'/p' was killed by SIGSEGV"},
                {END_ITSELF, CORE, "", RJ_FAILED, "'/p' was killed by SIGABRT (core dumped)"},
                {END_ITSELF, CORE, "own", RJ_FAILED, "own (killed by SIGABRT, core dumped)"},
                {END_ITSELF, RT, "", RJ_FAILED, "'/p' was killed by signal 40"},
                {END_ITSELF, -1, "", RJ_FAILED, "'/p' ended, but nothing is known of how"},
                {END_CANCELED, 0, "", RJ_CANCELED, "canceled"},
                {END_CANCELED, SIGTERM, "", RJ_CANCELED, "canceled"},
                {END_CANCELED, CODE_3, "2 of 9", RJ_CANCELED, "canceled: 2 of 9"},
                {END_TIMEOUT, 0, "", RJ_FAILED, "'/p' did not end within its timeout of 1h"},
                {END_TIMEOUT, SIGTERM, "own", RJ_FAILED, "own (timeout of 1h)"},
                {END_LONG_MESSAGE, SIGKILL, "", RJ_FAILED,
                 "'/p' wrote a message of more than 64 bytes"},
                {END_MANY_MESSAGES, SIGKILL, "", RJ_FAILED, "'/p' wrote more than 9 messages"},
                {END_MANY_MESSAGES, SIGKILL, "own", RJ_FAILED, "own (ended: more than 9 messages)"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                EndFacts facts = {.reason = cases[i].reason,
                                  .status = cases[i].status,
                                  .path = "/p",
                                  .limits = {.line_bytes = 64, .messages = 9},
                                  .timeout = "1h",
                                  .summary = cases[i].own,
                                  .last_line = ""};
                char summary[VERDICT_SUMMARY_SIZE];
                assert_int_equal(verdict_reach(&facts, summary), cases[i].code);
                assert_string_equal(summary, cases[i].summary);
        }
}

/* Only an end that the program has said makes the job of a resident one Complete. */
static void test_verdicts_of_residents(void **state) {
        static const struct {
                EndReason reason;
                int status;
                MessageEnd end;
                const char *own;
                int code;
                const char *summary;
        } cases[] = {
                {END_ITSELF, -1, {1, 0}, "", RJ_OK, ""},
                {END_ITSELF, -1, {1, 0}, "3 done", RJ_OK, "3 done"},
                {END_ITSELF, -1, {1, 3}, "", RJ_FAILED, "'/p' ended the job with 3"},
                {END_ITSELF, -1, {1, -1}, "no LDAP", RJ_FAILED, "no LDAP (ended with -1)"},
                {END_ITSELF, -1, {1, 1}, "no LDAP", RJ_FAILED, "no LDAP"},
                {END_ITSELF, -1, {1, 1}, "", RJ_FAILED, "'/p' ended the job with 1"},
                {END_ITSELF,
                 0,
                 {0},
                 "",
                 RJ_FAILED,
                 "'/p' exited with code 0 before the end of the job"},
                {END_ITSELF,
                 SIGSEGV,
                 {0},
                 "",
                 RJ_FAILED,
                 "'/p' was killed by SIGSEGV before the end of the job"},
                {END_ITSELF, 7 << 8, {0}, "half", RJ_FAILED, "half (exit code 7)"},
                {END_CANCELED, -1, {1, 0}, "2 of 9", RJ_CANCELED, "canceled: 2 of 9"},
                {END_CANCELED, SIGTERM, {0}, "", RJ_CANCELED, "canceled"},
                {END_TIMEOUT,
                 -1,
                 {1, 0},
                 "",
                 RJ_FAILED,
                 "'/p' did not end within its timeout of 1h"},
                {END_MALFORMED,
                 SIGKILL,
                 {0},
                 "",
                 RJ_FAILED,
                 "'/p' wrote a line that is no message: not UTF-8"},
                {END_MALFORMED,
                 SIGKILL,
                 {0},
                 "own",
                 RJ_FAILED,
                 "own (ended: a line that is no message)"},
                {END_CLOSED,
                 SIGKILL,
                 {0},
                 "",
                 RJ_FAILED,
                 "'/p' closed descriptor 0 or 3 before the end of the job"},
                {END_CPU_TIME,
                 SIGKILL,
                 {0},
                 "",
                 RJ_FAILED,
                 "'/p' used more than its 5 s of CPU time"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                EndFacts facts = {.reason = cases[i].reason,
                                  .status = cases[i].status,
                                  .path = "/p",
                                  .timeout = "1h",
                                  .summary = cases[i].own,
                                  .last_line = "",
                                  .is_resident = 1,
                                  .end = cases[i].end,
                                  .why = "not UTF-8",
                                  .cpu_seconds = 5};
                char summary[VERDICT_SUMMARY_SIZE];
                assert_int_equal(verdict_reach(&facts, summary), cases[i].code);
                assert_string_equal(summary, cases[i].summary);
        }
}

/* In place of the program's own words, and never of a job that did not fail. */
static void test_last_line(void **state) {
        static const struct {
                EndReason reason;
                int status;
                const char *own;
                const char *summary;
        } cases[] = {
                {END_ITSELF, 1 << 8, "", "'/p' exited with code 1: no LDAP"},
                {END_ITSELF, 1 << 8, "own", "own (exit code 1)"},
                {END_ITSELF, SIGSEGV, "", "'/p' was killed by SIGSEGV: no LDAP"},
                {END_TIMEOUT, SIGTERM, "", "'/p' did not end within its timeout of 1h: no LDAP"},
                {END_ITSELF, 0, "", ""},
                {END_CANCELED, SIGTERM, "", "canceled"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                EndFacts facts = {.reason = cases[i].reason,
                                  .status = cases[i].status,
                                  .path = "/p",
                                  .timeout = "1h",
                                  .summary = cases[i].own,
                                  .last_line = "no LDAP"};
                char summary[VERDICT_SUMMARY_SIZE];
                (void) verdict_reach(&facts, summary);
                assert_string_equal(summary, cases[i].summary);
        }
}

static void test_no_room_for_the_remark(void **state) {
        char own[600], summary[VERDICT_SUMMARY_SIZE];
        EndFacts facts = {.status = 1 << 8, .path = "/p", .summary = own, .last_line = "why"};

        (void) state;
        for (size_t chars = 230; chars <= 256; chars++) {
                own[0] = '\0';
                for (size_t i = 0; i < chars; i++)
                        strcat(own, "\xc3\xbc");
                assert_int_equal(verdict_reach(&facts, summary), RJ_FAILED);
                size_t remark = strlen(summary) - strlen(own);
                assert_int_equal(remark, chars + strlen(" (exit code 1)") <= 256 ? 14 : 0);
        }
}

static void test_environment(void **state) {
        char words[][16] = {"A=1", "PATH=/opt/bin", "REGISTRY=x", "E="};
        char *const extra[] = {words[0], words[1], words[2], words[3]};
        static const char *const expected[] = {"PATH=/opt/bin",
                                               "LANG=C.UTF-8",
                                               "HOME=/root",
                                               "REGISTRY_JOB_ID=7",
                                               "REGISTRY_CO_ID=2",
                                               "REGISTRY_JOB_PLUGIN=P.M",
                                               "A=1",
                                               "REGISTRY=x",
                                               "E="};

        (void) state;
        char **environment = environment_new("P.M", 7, 2, "/root", extra, ARRAY_SIZE(extra));
        assert_non_null(environment);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                assert_string_equal(environment[i], expected[i]);
        assert_null(environment[ARRAY_SIZE(expected)]);
        (void) environment_free(environment);

        /* Of a process for many jobs. */
        environment = environment_new(NULL, 0, 0, NULL, extra, 1);
        assert_non_null(environment);
        assert_string_equal(environment[1], "LANG=C.UTF-8");
        assert_string_equal(environment[2], "A=1");
        assert_null(environment[3]);
        (void) environment_free(environment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_reason),
                cmocka_unit_test(test_cancel_is_told_once),
                cmocka_unit_test(test_timeout_then_kill),
                cmocka_unit_test(test_timeout_after_cancel),
                cmocka_unit_test(test_verdicts),
                cmocka_unit_test(test_verdicts_of_residents),
                cmocka_unit_test(test_last_line),
                cmocka_unit_test(test_no_room_for_the_remark),
                cmocka_unit_test(test_environment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
