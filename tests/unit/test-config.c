/* The configuration file: every kind of error with its file and line. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/config.h"

static char path[] = "/tmp/rj-test-config-XXXXXX";

static int setup(void **state) {
        int fd = mkstemp(path);
        (void) state;
        return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) {
        (void) state;
        return unlink(path);
}

static void write_file(const char *text) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static Config *good(const char *text) {
        Config *config = NULL;
        Problems problems = {0};

        write_file(text);
        int r = config_read(path, &config, &problems);
        if (r || problems.count)
                fail_msg("%s: %d %s", text, r, problems.text);
        return config;
}

/* `words` follow "FILE:", and the line where there is one. */
static void bad(const char *text, size_t count, const char *words) {
        Config *config = NULL;
        Problems problems = {0};
        char expected[512];

        write_file(text);
        assert_int_equal(config_read(path, &config, &problems), CONFIG_E_INVALID);
        assert_null(config);
        (void) snprintf(expected, sizeof(expected), "%s:%s", path, words);
        if (!strstr(problems.text, expected) || problems.count != count)
                fail_msg("%s: '%s' is not %zu with '%s'", text, problems.text, count, expected);
}

static void test_defaults(void **state) {
        Config *config = NULL, *empty = good("");
        char kept[256];

        (void) state;
        assert_int_equal(config_new(&config), 0);
        assert_string_equal(config->conninfo, "");
        assert_int_equal(config->workers, 4);
        assert_int_equal(config->max_jobs_per_turn, 100);
        assert_true(config->max_turn_usec == 10 * USEC_PER_SEC);
        assert_true(config->lease_usec == 30 * USEC_PER_SEC);
        assert_true(config->heartbeat_usec == 5 * USEC_PER_SEC);
        assert_true(config->is_listening);
        assert_true(config->stall_usec == 600 * USEC_PER_SEC);
        assert_int_equal(config->limits.general.memory_bytes, 0);
        assert_int_equal(config->limits.general.cpu_usec, 0);
        assert_int_equal(config->limits.general.run_usec, 0);
        assert_int_equal(config->limits.general.open_files, 0);
        assert_int_equal(config->limits.n, 0);
        assert_true(config->cancel_grace_usec == 0);
        assert_int_equal(config->log_level, LOG_INFO);
        assert_int_equal(config->n_load, 0);
        assert_int_equal(config->n_exec, 0);
        config_apply(config, empty, kept, sizeof(kept));
        assert_string_equal(kept, "");
        config_free(config);
        config_free(empty);
        assert_null(config_free(NULL));
}

static void test_every_key(void **state) {
        Config *config = good("# comment\n"
                              "; comment\n"
                              "[database]\n"
                              "conninfo = host=/run dbname=registry user='x y'\n"
                              "listen = no\n"
                              "[pool]\n"
                              "workers = 256\n"
                              "max_jobs_per_turn=1\n"
                              "max_turn_time = 100ms\n"
                              "  max_jobs_per_worker : 3\n"
                              "idle_timeout = 2min\n"
                              "\n"
                              "[timers]\n"
                              "sweep = 3s\n"
                              "cancel_poll = 4\n"
                              "heartbeat = 1s\n"
                              "lease = 3s\n"
                              "stop_timeout = 0\n"
                              "cancel_grace = 1d\n"
                              "stall = 0\n"
                              "[limits]\n"
                              "memory = 512M\n"
                              "cpu_time = 90s\n"
                              "run_time = 2h\n"
                              "open_files = 100\n"
                              "[plugins]\n"
                              "directory = /plugins\n"
                              "load = CoreJob, \"My Job\" Other\n"
                              "[log]\n"
                              "level = debug");

        (void) state;
        assert_string_equal(config->conninfo, "host=/run dbname=registry user='x y'");
        assert_int_equal(config->workers, 256);
        assert_int_equal(config->max_jobs_per_turn, 1);
        assert_true(config->max_turn_usec == 100 * USEC_PER_MSEC);
        assert_int_equal(config->max_jobs_per_worker, 3);
        assert_true(config->idle_usec == 120 * USEC_PER_SEC);
        assert_true(config->sweep_usec == 3 * USEC_PER_SEC);
        assert_true(config->cancel_poll_usec == 4 * USEC_PER_SEC);
        assert_true(config->heartbeat_usec == USEC_PER_SEC);
        assert_true(config->lease_usec == 3 * USEC_PER_SEC);
        assert_true(config->stop_usec == 0);
        assert_true(config->cancel_grace_usec == 86400 * USEC_PER_SEC);
        assert_true(!config->is_listening);
        assert_true(config->stall_usec == 0);
        assert_int_equal(config->limits.general.memory_bytes, 512 << 20);
        assert_true(config->limits.general.cpu_usec == 90 * USEC_PER_SEC);
        assert_true(config->limits.general.run_usec == 7200 * USEC_PER_SEC);
        assert_int_equal(config->limits.general.open_files, 100);
        assert_string_equal(config->plugin_directory, "/plugins");
        assert_int_equal(config->n_load, 3);
        assert_string_equal(config->load[0], "CoreJob");
        assert_string_equal(config->load[1], "My Job");
        assert_string_equal(config->load[2], "Other");
        assert_null(config->load[3]);
        assert_int_equal(config->log_level, LOG_DEBUG);
        config_free(config);
}

static void test_errors(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"[pool]\nworkers = 0", "2: workers must be a number from 1 to 256, not '0'"},
                {"[pool]\nworkers = 257", "2: workers must be a number from 1 to 256, not '257'"},
                {"[pool]\n\nworkers = many", "3: workers must be a number"},
                {"[pool]\nworkers =", "2: workers must be a number"},
                {"[pool]\nworkers = 4 workers", "2: workers must be a number"},
                {"[pool]\nidle_timeout = 1 fortnight",
                 "2: idle_timeout must be a time such as 500ms, 10s, 5min or 1h, from 1 to 86400 "
                 "seconds, not '1 fortnight'"},
                {"[pool]\nidle_timeout = 999ms", "2: idle_timeout must be a time"},
                {"[pool]\nworker = 4", "2: unknown key 'worker' in [pool]"},
                {"[pool]\nsweep = 4s", "2: unknown key 'sweep' in [pool]"},
                {"[Pool]\nworkers = 4", "2: unknown section [Pool]"},
                {"workers = 4", "1: unknown section []"},
                {"[pool]\nworkers = 4\nworkers = 4", "3: workers is given twice"},
                {"[pool]\nworkers = 4\n[log]\n[pool]\nworkers = 4", "5: workers is given twice"},
                {"[pool]\nworkers", "2: neither a [section] nor a key = value"},
                {"[pool", "1: neither a [section] nor a key = value"},
                {"[log]\nlevel = loud",
                 " level must be error, warning, notice, info or debug, not 'loud'"},
                {"[timers]\nheartbeat = 11s", " lease must be at least three times heartbeat"},
                {"[plugins]\nload = \"CoreJob",
                 " load has a quotation mark without its other half"},
                {"[database]\nlisten = maybe", "2: listen must be yes or no, not 'maybe'"},
                {"[limits]\nmemory = 1MB", "2: memory must be a size such as 64M or 2G, up to "
                                           "1024G, not '1MB'"},
                {"[limits]\nmemory = 1025G", "2: memory must be a size"},
                {"[limits]\nspeed = 3", "2: unknown key 'speed' in [limits]"},
                {"[limits \"A\"]\nspeed = 3", "2: unknown key 'speed' in [limits \"A\"]"},
                {"[limits \"A\"]\nmemory = 1M\nmemory = 1M", "3: memory is given twice"},
                {"[limits \"A\"]\nmemory = 1M\n[limits]\n[limits \"A\"]\nmemory = 1M",
                 "5: memory is given twice"},
                {"[limits \"A\"]\nrun_time = soon", "2: run_time must be a time"},
                {"[limits A]\nmemory = 1M", "2: a section for limits is [limits], "},
                {"[limits \"\"]\nmemory = 1M", "2: a section for limits is"},
                {"[limits \"A.B.C\"]\nmemory = 1M", "2: a section for limits is"},
                {"[limits \"A]\nmemory = 1M", "2: a section for limits is"},
                {"[limitsx]\nmemory = 1M", "2: unknown section [limitsx]"},
                {"[database]\nconninfo = host=a b",
                 "2: conninfo: missing \"=\" after \"b\" in connection info string"},
                {"[exec]\ncommand = /bin/true", "2: a section for a program is [exec \"Plugin"},
                {"[exec Plugin.Model]\ncommand = /bin/true", "2: a section for a program is"},
                {"[exec \"\"]\ncommand = /bin/true", "2: "},
                {"[exec \"Plugin\"]\ncommand = /bin/true", "2: "},
                {"[exec \"../etc.passwd\"]\ncommand = /bin/true", "2: "},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                bad(rows[i].text, 1, rows[i].words);
}

static void test_errors_together(void **state) {
        static const char text[] = "[pool]\nworkers = 0\nx = 1\n[log]\nlevel = loud\n";

        (void) state;
        bad(text, 3, "2: workers must");
        bad(text, 3, "3: unknown key");
        bad(text, 3, " level must");
}

static void test_long_lines(void **state) {
        char *text = malloc(40000);

        (void) state;
        strcpy(text, "[database]\nconninfo = host=");
        memset(text + 27, 'x', 8000);
        strcpy(text + 8027, "\n[pool]\nworkers = 5");
        Config *config = good(text);
        assert_int_equal(strlen(config->conninfo), 8005);
        assert_int_equal(config->workers, 5);
        config_free(config);

        memset(text + 27, 'x', 9000);
        strcpy(text + 9027, "\n[pool]\nworkers = 5\n");
        bad(text, 1, "2: the line is too long");
        free(text);
}

static void test_files_that_cannot_be_read(void **state) {
        Config *config = NULL;
        Problems problems = {0};

        (void) state;
        assert_int_equal(config_read("/nowhere/file.conf", &config, &problems), -ENOENT);
        assert_non_null(strstr(problems.text, "could not open '/nowhere/file.conf': No such"));
        assert_int_equal(config_read("/tmp", &config, &problems), -EIO);
        assert_null(config);
}

static void test_exec(void **state) {
        char kept[256];
        Config *config = good("[exec \"Shell.True\"]\ncommand = /bin/true\n"
                              "[exec \"Shell.False\"]\ncommand = /bin/false\n");
        Config *none = good("");

        (void) state;
        assert_int_equal(config->n_exec, 2);
        assert_string_equal(exec_model_name(config->exec[0]), "Shell.True");
        assert_string_equal(exec_model_name(config->exec[1]), "Shell.False");
        config_apply(none, config, kept, sizeof(kept));
        assert_int_equal(none->n_exec, 0); /* not while running */
        config_free(none);
        config_free(config);
        bad("[exec \"Shell.True\"]\ncommand = /nowhere/program\n", 1, " [exec \"Shell.True\"]: ");
        bad("[exec \"Shell.True\"]\ncommand = /bin/true\nnonsense = 1\n", 1, "3: ");
}

static void test_apply(void **state) {
        Config *config = good("[pool]\nworkers = 2\n");
        Config *next = good("[pool]\nworkers = 9\nidle_timeout = 5s\n[log]\nlevel = error\n"
                            "[database]\nconninfo = host=other\n[timers]\nlease = 40s\n"
                            "[plugins]\nload = A,B\n");
        char kept[256];

        (void) state;
        config_apply(config, next, kept, sizeof(kept));
        assert_int_equal(config->workers, 9);
        assert_true(config->idle_usec == 5 * USEC_PER_SEC);
        assert_int_equal(config->log_level, LOG_ERR);
        assert_string_equal(config->log_level_text, "error");
        assert_string_equal(config->conninfo, "");
        assert_true(config->lease_usec == 30 * USEC_PER_SEC);
        assert_int_equal(config->n_load, 0);
        assert_string_equal(kept, "database.conninfo, timers.lease, plugins.load");
        config_free(next);
        config_apply(config, config, kept, sizeof(kept));
        assert_string_equal(kept, "");
        config_free(config);
}

static void test_limits(void **state) {
        Config *config = good("[limits \"A.Model\"]\nmemory = 64M\n"
                              "[limits]\nmemory = 1G\nrun_time = 1h\n"
                              "[limits \"A\"]\nrun_time = 2h\n"
                              "[limits \"A.Model\"]\nopen_files = 8\n");
        Config *running = good("[limits \"B\"]\nmemory = 1M\n"), *none = good("");
        char kept[256];

        (void) state;
        assert_int_equal(config->limits.n, 2);
        config_apply(running, config, kept, sizeof(kept));
        assert_string_equal(kept, "");
        Limits limits = limit_resolve(&running->limits, "A.Model");
        assert_int_equal(limits.memory_bytes, 64 << 20);
        assert_int_equal(limits.open_files, 8);
        assert_true(limits.run_usec == 7200 * USEC_PER_SEC);
        assert_int_equal(limit_resolve(&running->limits, "B.Model").memory_bytes, 1 << 30);
        config_apply(running, none, kept, sizeof(kept));
        assert_int_equal(limit_resolve(&running->limits, "A.Model").memory_bytes, 0);
        config_free(config);
        config_free(running);
        config_free(none);
}

/* What --check prints is itself a configuration, with the same values but for secrets. */
static void test_print(void **state) {
        char printed[4096] = "", kept[256];
        Config *config = good("[database]\nconninfo = postgres://u:secret@h\n"
                              "[pool]\nworkers = 7\nmax_turn_time = 20s\n[log]\nlevel = notice\n"
                              "[limits]\nmemory = 1536K\n[limits \"A.B\"]\ncpu_time = 500ms\n");
        FILE *file = tmpfile();
        int before = dup(STDOUT_FILENO);

        (void) state;
        (void) fflush(stdout);
        (void) dup2(fileno(file), STDOUT_FILENO);
        config_print(config);
        (void) fflush(stdout);
        (void) dup2(before, STDOUT_FILENO);
        (void) close(before);
        rewind(file);
        size_t n = fread(printed, 1, sizeof(printed) - 1, file);
        (void) fclose(file);
        assert_true(n > 0);
        assert_non_null(strstr(printed, "[pool]\nworkers = 7\n"));
        assert_non_null(strstr(printed, "conninfo = user=u password=*** host=h\n"));
        Config *again = good(printed);
        config_apply(config, again, kept, sizeof(kept));
        assert_string_equal(kept, "database.conninfo");
        assert_int_equal(again->workers, 7);
        assert_true(again->max_turn_usec == 20 * USEC_PER_SEC);
        assert_int_equal(again->log_level, LOG_NOTICE);
        assert_non_null(strstr(printed, "\nmemory = 1536K\n"));
        assert_non_null(strstr(printed, "\n[limits \"A.B\"]\ncpu_time = 500ms\n"));
        assert_true(limit_resolve(&again->limits, "A.B").cpu_usec == 500 * USEC_PER_MSEC);
        config_free(again);
        config_free(config);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),   cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_errors),     cmocka_unit_test(test_errors_together),
                cmocka_unit_test(test_long_lines), cmocka_unit_test(test_files_that_cannot_be_read),
                cmocka_unit_test(test_exec),       cmocka_unit_test(test_apply),
                cmocka_unit_test(test_limits),     cmocka_unit_test(test_print),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
