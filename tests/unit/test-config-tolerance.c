/*
 * What the configuration gives in spite of something that is wrong: with the file, or with the
 * place that its programs lie in.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static char path[] = "/tmp/rj-test-tolerance-XXXXXX";

static int setup(void **state) {
        int fd = mkstemp(path);
        (void) state;
        return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) {
        (void) state;
        return unlink(path);
}

static void write_text(const char *text) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

/* A program that is not there is no error of the file, and known. */
static void test_exec_missing(void **state) {
        static const struct {
                const char *lines, *why;
        } rows[] = {
                {"command = /bin/true", NULL},
                {"command = /nowhere/program",
                 "command '/nowhere/program' cannot be executed: No such file or directory"},
                {"command = /bin/true\ndirectory = /no/such",
                 "directory '/no/such': No such file or directory"},
                {"command = /bin", "command '/bin' is not a regular file"},
        };
        char text[512];

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                (void) snprintf(text, sizeof(text),
                                "[exec \"A.B\"]\n%s\n[exec \"C.D\"]\n"
                                "command = /bin/true\n",
                                rows[i].lines);
                Config *config = NULL;
                Problems problems = {0};
                write_text(text);
                assert_int_equal(config_read(path, &config, &problems), 0);
                const char *why = exec_model_missing(config->exec[0]);
                assert_int_equal(config->n_exec, 2);
                if (rows[i].why)
                        assert_string_equal(why, rows[i].why);
                else
                        assert_null(why);
                assert_null(exec_model_missing(config->exec[1]));
                config_free(config);
        }
}

/* Who only looks at the database needs no more of the file than [database]. */
static void test_lenient(void **state) {
        static const struct {
                const char *text;
                int is_usable;
                size_t problems;
        } rows[] = {
                {"[database]\nconninfo = dbname=x\n", 1, 0},
                {"[database]\nconninfo = dbname=x\n[pool]\nworkers = many\n", 1, 1},
                {"[database]\nconninfo = dbname=x\n[registry]\napp = /x\nphp = y\n", 1, 1},
                {"[pool]\nworker = 4\n[database]\nconninfo = dbname=x\n", 1, 1},
                {"[database]\nconninfo = dbname=x\n[plugin]\nload = A\n[exec \"A.B\"]\n", 1, 2},
                {"[database]\nconninfo = dbname=x\n[timers]\nlease = 5s\nheartbeat = 2s\n", 1, 1},
                /* Nobody knows which database is meant. */
                {"[pool]\nworkers = many\n", 0, 1},
                {"[database]\nconninfo = dbname=x\nhost = db\n", 0, 1},
                {"[database]\nconninfo = dbname\n", 0, 1},
                {"[datebase]\nconninfo = dbname=x\n[database]\n", 0, 1},
                {"host = db\n[database]\nconninfo = dbname=x\n", 0, 1},
                {"[database]\nconninfo = dbname=x\n[Database]\nconninfo = dbname=y\n", 0, 1},
                {"[database]\nconninfo = dbname=x\n[database]\nconninfo = dbname=y\n", 0, 1},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Config *config = NULL;
                Problems problems = {0};
                write_text(rows[i].text);
                int r = config_read_lenient(path, &config, &problems);
                if (r != (rows[i].is_usable ? 0 : CONFIG_E_INVALID) ||
                    problems.count != rows[i].problems)
                        fail_msg("%s: %d, %s", rows[i].text, r, problems.text);
                assert_int_equal(config != NULL, rows[i].is_usable);
                if (config) {
                        assert_string_equal(config->conninfo, "dbname=x");
                        assert_int_equal(config->n_exec + config->n_load, 0);
                }
                config_free(config);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exec_missing),
                cmocka_unit_test(test_lenient),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
