/* The sample plugin, driven through its exported function and a host of the test's own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "registry-job/plugin.h"

#define PARAMS_MAX 8

typedef struct Given {
        const char *name, *value;
} Given;

typedef struct Fake {
        struct rj_context context; /* the first member: host functions get a pointer to it */
        Given params[PARAMS_MAX];
        uint64_t cancel_at; /* progress that sets the cancel word */
        int record_result;
        int told; /* written to when the summary is set, unless -1 */

        uint64_t done, total;
        size_t records;
        struct rj_record last_record;
        char last_key[64];
        char start_summary[128], summary[600];
        int term_was_ignored;
} Fake;

static uint32_t control;

static Fake *fake_of(const struct rj_context *ctx) {
        return (Fake *) ctx;
}

static const char *find(const struct rj_context *ctx, const char *name) {
        for (const Given *given = fake_of(ctx)->params; given->name; given++)
                if (!strcmp(given->name, name))
                        return given->value;
        return NULL;
}

static int64_t fake_int(const struct rj_context *ctx, const char *name, int64_t otherwise) {
        const char *value = find(ctx, name);
        return value ? strtoll(value, NULL, 10) : otherwise;
}

static int fake_bool(const struct rj_context *ctx, const char *name, int otherwise) {
        return (int) fake_int(ctx, name, otherwise);
}

static const char *fake_string(const struct rj_context *ctx, const char *name,
                               const char *otherwise) {
        const char *value = find(ctx, name);
        return value ? value : otherwise;
}

static size_t fake_ids(const struct rj_context *ctx, const char *name, int32_t *ids, size_t max) {
        if (!find(ctx, name))
                return 0;
        if (max)
                ids[0] = (int32_t) fake_int(ctx, name, 0);
        return 1;
}

static int fake_progress(struct rj_context *ctx, uint64_t done, uint64_t total) {
        fake_of(ctx)->done = done;
        fake_of(ctx)->total = total;
        if (done == fake_of(ctx)->cancel_at)
                control = RJ_CONTROL_CANCEL;
        return 0;
}

static int fake_record(struct rj_context *ctx, const struct rj_record *record) {
        Fake *fake = fake_of(ctx);

        fake->records++;
        fake->last_record = *record;
        (void) snprintf(fake->last_key, sizeof(fake->last_key), "%s", record->key);
        return fake->record_result;
}

static int fake_start_summary(struct rj_context *ctx, const char *text) {
        (void) snprintf(fake_of(ctx)->start_summary, sizeof(fake_of(ctx)->start_summary), "%s",
                        text);
        return 0;
}

static int fake_summary(struct rj_context *ctx, const char *text) {
        Fake *fake = fake_of(ctx);
        struct sigaction term;

        (void) snprintf(fake->summary, sizeof(fake->summary), "%s", text);
        (void) sigaction(SIGTERM, NULL, &term);
        fake->term_was_ignored = term.sa_handler == SIG_IGN;
        if (fake->told >= 0)
                assert_int_equal(write(fake->told, "", 1), 1);
        return 0;
}

static const struct rj_host host = {
        .struct_size = sizeof(struct rj_host),
        .param_int = fake_int,
        .param_bool = fake_bool,
        .param_string = fake_string,
        .param_ids = fake_ids,
        .progress = fake_progress,
        .record = fake_record,
        .start_summary = fake_start_summary,
        .summary = fake_summary,
};

#define FAKE(...)                                                                         \
        {                                                                                 \
                .context = {.host = &host, .control = &control, .job_id = 7, .co_id = 3}, \
                .told = -1, .params = {                                                   \
                        __VA_ARGS__                                                       \
                }                                                                         \
        }

static int run(Fake *fake, const char *name) {
        for (const struct rj_model *model = registry_job_plugin_v1()->models; model->name; model++)
                if (!strcmp(model->name, name)) {
                        fake->context.model = model;
                        return model->run(&fake->context);
                }
        fail_msg("there is no model %s", name);
        return -1;
}

static int clear_control(void **state) {
        (void) state;
        control = 0;
        return 0;
}

static void test_noop(void **state) {
        (void) state;
        Fake fake = FAKE({"tag", "x"});
        assert_int_equal(run(&fake, "NoopJob"), RJ_OK);
}

static void test_counts_once_by_default(void **state) {
        (void) state;
        Fake fake = FAKE({0});

        assert_int_equal(run(&fake, "CountJob"), RJ_OK);
        assert_string_equal(fake.start_summary, "counting to 1");
        assert_string_equal(fake.summary, "counted to 1");
        assert_int_equal(fake.done, 1);
        assert_int_equal(fake.records, 0);
}

static void test_counts_to_zero(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "0"});

        assert_int_equal(run(&fake, "CountJob"), RJ_OK);
        assert_string_equal(fake.summary, "counted to 0");
}

static void test_refuses_numbers_out_of_range(void **state) {
        (void) state;
        static const struct {
                Given given;
                const char *summary;
        } cases[] = {
                {{"count", "-1"}, "parameter 'count' must be from 0 to 10000000, not -1"},
                {{"count", "10000001"},
                 "parameter 'count' must be from 0 to 10000000, not 10000001"},
                {{"sleep_ms", "3600001"},
                 "parameter 'sleep_ms' must be from 0 to 3600000, not 3600001"},
                {{"records", "-9223372036854775808"},
                 "parameter 'records' must be from 0 to 10000000, not -9223372036854775808"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fake fake = FAKE(cases[i].given);
                assert_int_equal(run(&fake, "CountJob"), RJ_FAILED);
                assert_string_equal(fake.summary, cases[i].summary);
                assert_int_equal(fake.total, 0);
        }
}

static void test_writes_records(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "3"}, {"records", "2"}, {"person_id", "17"},
                         {"external_identity_id", "4"}, {"tag", "hello"});

        assert_int_equal(run(&fake, "CountJob"), RJ_OK);
        assert_int_equal(fake.records, 6);
        assert_string_equal(fake.last_key, "step 3 record 2");
        assert_string_equal(fake.last_record.comment, "hello");
        assert_int_equal(fake.last_record.struct_size, sizeof(struct rj_record));
        assert_int_equal(fake.last_record.status, RJ_RECORD_OK);
        assert_int_equal(fake.last_record.person_id, 17);
        assert_int_equal(fake.last_record.external_identity_id, 4);
}

static void test_passes_on_errors_of_the_host(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "3"}, {"records", "2"});

        fake.record_result = RJ_E_LOST;
        assert_int_equal(run(&fake, "CountJob"), RJ_E_LOST);
        assert_int_equal(fake.records, 1);
}

static void test_stops_between_steps(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "10"});

        fake.cancel_at = 4;
        assert_int_equal(run(&fake, "CountJob"), RJ_CANCELED);
        assert_string_equal(fake.summary, "stopped at 4 of 10");
}

static void test_goes_on_if_told_so(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "10"}, {"ignore_cancel", "1"}, {"sleep_ms", "1"});

        fake.cancel_at = 4;
        assert_int_equal(run(&fake, "CountJob"), RJ_OK);
        assert_int_equal(fake.done, 10);
}

static void on_alarm(int signal) {
        (void) signal;
        __atomic_store_n(&control, RJ_CONTROL_CANCEL, __ATOMIC_RELAXED);
}

/* An hour's sleep: the time limit of the test is what would notice. */
static void test_stops_within_a_sleep(void **state) {
        (void) state;
        Fake fake = FAKE({"count", "2"}, {"sleep_ms", "3600000"});
        const struct itimerval soon = {.it_value.tv_usec = 1000};
        const struct sigaction action = {.sa_handler = on_alarm};

        assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        assert_int_equal(run(&fake, "CountJob"), RJ_CANCELED);
        assert_string_equal(fake.summary, "stopped at 0 of 2");
}

static void test_returns_what_it_is_told(void **state) {
        (void) state;
        static const struct {
                const char *end;
                int result;
                const char *summary;
        } cases[] = {
                {"ok", RJ_OK, "counted to 1"},
                {"fail", RJ_FAILED, "failed after counting to 1"},
                {"cancel", RJ_CANCELED, "counted to 1"},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fake fake = FAKE({"end", cases[i].end});
                assert_int_equal(run(&fake, "CountJob"), cases[i].result);
                assert_string_equal(fake.summary, cases[i].summary);
        }
        Fake fake = FAKE({"end", "fail"}, {"summary", "so it is"});
        assert_int_equal(run(&fake, "CountJob"), RJ_FAILED);
        assert_string_equal(fake.summary, "so it is");
}

static void test_traps_term_and_restores_it(void **state) {
        (void) state;
        Fake fake = FAKE({"trap_term", "1"});
        struct sigaction term;

        assert_int_equal(run(&fake, "CountJob"), RJ_OK);
        assert_true(fake.term_was_ignored);
        assert_int_equal(sigaction(SIGTERM, NULL, &term), 0);
        assert_true(term.sa_handler == SIG_DFL);
}

/* Without the handlers of cmocka and the sanitizers, and without core files. */
static _Noreturn void run_child(Fake *fake) {
        const struct rlimit none = {0};

        (void) setrlimit(RLIMIT_CORE, &none);
        (void) signal(SIGSEGV, SIG_DFL);
        (void) signal(SIGABRT, SIG_DFL);
        (void) alarm(30);
        _exit(run(fake, "CountJob") == RJ_OK ? 100 : 101);
}

/* Forks a job that ends so; returns when it is about to, with its pid. */
static pid_t start_child(const char *end) {
        int ends[2];
        char byte;

        assert_int_equal(pipe(ends), 0);
        (void) fflush(NULL); /* exit() in the child would write it again */
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                Fake fake = FAKE({"end", end});
                fake.told = ends[1];
                run_child(&fake);
        }
        (void) close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        (void) close(ends[0]);
        return pid;
}

static int wait_for(pid_t pid) {
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void test_crashes(void **state) {
        (void) state;

        int status = wait_for(start_child("segv"));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        status = wait_for(start_child("abort"));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        status = wait_for(start_child("kill"));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        status = wait_for(start_child("exit"));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        status = wait_for(start_child("_exit"));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void test_never_returns(void **state) {
        (void) state;
        static const char *const ends[] = {"hang", "sleep"};

        for (size_t i = 0; i < 2; i++) {
                pid_t pid = start_child(ends[i]);
                assert_int_equal(kill(pid, SIGTERM), 0);
                int status = wait_for(pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        }
}

/* By another way than the plugin's: this program's own name has no parenthesis. */
static long long start_ticks(void) {
        long long ticks = 0;

        FILE *file = fopen("/proc/self/stat", "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file,
                                "%*[^)]) %*c%*d%*d%*d%*d%*d%*u%*u%*u%*u%*u%*u%*u%*d%*d%*d%*d%*d"
                                "%*d%lld",
                                &ticks),
                         1);
        (void) fclose(file);
        assert_true(ticks > 0);
        return ticks;
}

static void test_traces(void **state) {
        (void) state;
        char path[] = "/tmp/test-plugin-example-XXXXXX", reason[16];
        int job, co, pid;
        long long ticks, end_ticks, begin, end;

        int fd = mkstemp(path);
        assert_true(fd >= 0);
        Fake fake = FAKE({"count", "2"}, {"trace", path});
        fake.cancel_at = 1;
        assert_int_equal(run(&fake, "CountJob"), RJ_CANCELED);

        FILE *file = fdopen(fd, "r");
        assert_int_equal(
                fscanf(file, "begin %d %d %d %lld %lld\n", &job, &co, &pid, &ticks, &begin), 5);
        assert_int_equal(job, 7);
        assert_int_equal(co, 3);
        assert_int_equal(pid, getpid());
        assert_int_equal(
                fscanf(file, "end 7 3 %d %lld %lld %15s\n", &pid, &end_ticks, &end, reason), 4);
        assert_int_equal(pid, getpid());
        assert_int_equal(ticks, start_ticks());
        assert_int_equal(end_ticks, ticks);
        assert_true(end >= begin);
        assert_string_equal(reason, "canceled");
        assert_int_equal(fgetc(file), EOF);
        (void) fclose(file);
        (void) unlink(path);
}

static void test_says_that_it_cannot_trace(void **state) {
        (void) state;
        Fake fake = FAKE({"trace", "/nonexistent/trace"});

        assert_int_equal(run(&fake, "CountJob"), RJ_FAILED);
        assert_string_equal(fake.summary, "could not write to the trace file '/nonexistent/trace': "
                                          "No such file or directory");
        assert_int_equal(fake.total, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_noop, clear_control),
                cmocka_unit_test_setup(test_counts_once_by_default, clear_control),
                cmocka_unit_test_setup(test_counts_to_zero, clear_control),
                cmocka_unit_test_setup(test_refuses_numbers_out_of_range, clear_control),
                cmocka_unit_test_setup(test_writes_records, clear_control),
                cmocka_unit_test_setup(test_passes_on_errors_of_the_host, clear_control),
                cmocka_unit_test_setup(test_stops_between_steps, clear_control),
                cmocka_unit_test_setup(test_goes_on_if_told_so, clear_control),
                cmocka_unit_test_setup(test_stops_within_a_sleep, clear_control),
                cmocka_unit_test_setup(test_returns_what_it_is_told, clear_control),
                cmocka_unit_test_setup(test_traps_term_and_restores_it, clear_control),
                cmocka_unit_test_setup(test_crashes, clear_control),
                cmocka_unit_test_setup(test_never_returns, clear_control),
                cmocka_unit_test_setup(test_traces, clear_control),
                cmocka_unit_test_setup(test_says_that_it_cannot_trace, clear_control),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
