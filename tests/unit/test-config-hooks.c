/* [hooks]: what is read, refused, printed and reached by a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/config_program.h"
#include "exec/exec_model_private.h"

static char path[] = "/tmp/rj-test-hooks-XXXXXX";
static char program[] = "/tmp/rj-test-hook-XXXXXX";

static int make_file(char *name, mode_t mode) {
        int fd = mkstemp(name);
        return fd < 0 || fchmod(fd, mode) < 0 || close(fd) < 0;
}

static int setup(void **state) {
        (void) state;
        return make_file(path, 0600) || make_file(program, 0644);
}

static int teardown(void **state) {
        (void) state;
        return unlink(path) || unlink(program);
}

static int read_text(const char *text, Config **ret, Problems *problems) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        return config_read(path, ret, problems);
}

static Config *good(const char *text) {
        Config *config = NULL;
        Problems problems = {0};

        if (read_text(text, &config, &problems))
                fail_msg("%s: %s", text, problems.text);
        return config;
}

static void bad(const char *text, const char *words) {
        Config *config = NULL;
        Problems problems = {0};

        assert_int_equal(read_text(text, &config, &problems), CONFIG_E_INVALID);
        if (problems.count != 1 || !strstr(problems.text, words))
                fail_msg("'%s' is not '%s'", problems.text, words);
}

static void test_model(void **state) {
        _cleanup_(config_freep) Config *config =
                good("[hooks]\nfailed = /bin/echo 'a b' c\ntimeout = 2s\n");
        _cleanup_(exec_model_freep) ExecModel *model = NULL;

        (void) state;
        assert_int_equal(config_hook_model(config, &model), 0);
        assert_string_equal(model->argv[0], "/bin/echo");
        assert_string_equal(model->argv[1], "a b");
        assert_string_equal(model->argv[2], "c");
        assert_null(model->argv[3]);
        assert_true(model->timeout_usec == 2 * USEC_PER_SEC);
        assert_string_equal(model->timeout, "2s");
        assert_true(model->kill_after_usec == CONFIG_HOOK_KILL_USEC);
}

static void test_refused(void **state) {
        (void) state;
        bad("[hooks]\n", ":1: [hooks]: 'failed' is missing");
        bad("[hooks]\ntimeout = 3s\n", ":1: [hooks]: 'failed' is missing");
        bad("[hooks]\nfailed = mail\n", ":2: failed must be an absolute path and its arguments");
        bad("[hooks]\nfailed = /bin/true\ntimeout = 0\n", ":3: timeout must be a time such as");
        bad("[hooks]\nfailed = /bin/true\ntimeout = 6min\n", "from 100ms to 5min, not '6min'");
        bad("[hooks]\nfinished = /bin/true\n", "known are: failed, timeout");
}

static void check_missing(const char *path_of_hook, const char *words) {
        char text[200], found[CONFIG_MISSING_SIZE];

        (void) snprintf(text, sizeof(text), "[hooks]\nfailed = %s x\n", path_of_hook);
        _cleanup_(config_freep) Config *config = good(text), *without = good("");
        assert_true(config_missing(config, 0, found, sizeof(found)));
        if (!strstr(found, words))
                fail_msg("'%s' is not '%s'", found, words);
        assert_false(config_missing(config, 1, found, sizeof(found)));
        assert_true(config_newly_missing(without, config, found, sizeof(found)));
        assert_false(config_newly_missing(config, config, found, sizeof(found)));
        assert_false(config_newly_missing(config, without, found, sizeof(found)));
}

/* It is no error of the file: nothing else waits for it. */
static void test_missing(void **state) {
        (void) state;
        check_missing("/nonexistent/hook",
                      "[hooks]: command '/nonexistent/hook' cannot be executed: No such file");
        check_missing(program, "cannot be executed: Permission denied");
        assert_int_equal(chmod(program, 0757), 0);
        check_missing(program, "is not executed: ");
}

/* Both keys go with the reload, and so does a hook that is taken away. */
static void test_reload(void **state) {
        _cleanup_(config_freep) Config *config = good("");
        _cleanup_(config_freep) Config *next = good("[hooks]\nfailed = /bin/true\ntimeout = 1s\n");
        _cleanup_(config_freep) Config *none = good("");
        char kept[256];

        (void) state;
        assert_null(config->hook_failed);
        config_apply(config, next, kept, sizeof(kept));
        assert_string_equal(kept, "");
        assert_string_equal(config->hook_failed, "/bin/true");
        assert_true(config->hook_usec == USEC_PER_SEC);
        config_apply(config, none, kept, sizeof(kept));
        assert_null(config->hook_failed);
        assert_true(config->hook_usec == 10 * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_model),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_missing),
                cmocka_unit_test(test_reload),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
