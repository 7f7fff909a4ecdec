#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "exec/exec_model.h"
#include "exec/exec_model_private.h"

static ExecModel *make(const char *name) {
        ExecModel *model = NULL;
        char why[256] = "";

        assert_int_equal(exec_model_new(name, &model, why, sizeof(why)), 0);
        assert_string_equal(why, "");
        return model;
}

static void set(ExecModel *model, const char *key, const char *value) {
        char why[256] = "";

        if (exec_model_set(model, key, value, why, sizeof(why)))
                fail_msg("%s = %s: %s", key, value, why);
}

/* The line is refused, and the reason holds each of the words. */
static void refuse(ExecModel *model, const char *key, const char *value, const char *words) {
        char why[256] = "";

        assert_int_equal(exec_model_set(model, key, value, why, sizeof(why)), EXEC_MODEL_E_INVALID);
        if (!strstr(why, words))
                fail_msg("%s = %s: '%s' does not say '%s'", key, value, why, words);
}

static void test_names(void **state) {
        static const char *const bad[] = {"",      "CoreJob", "CoreJob.",  ".Job",  "A.B.C",
                                          "A. B",  "1A.B",    "A.1B",      "A-B.C", "../A.B",
                                          "A.B\n", "_A.B",    "\xc3\xbc.B"};
        char name[83], why[256];
        ExecModel *model = NULL;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(exec_model_new(bad[i], &model, why, sizeof(why)),
                                 EXEC_MODEL_E_INVALID);
                assert_non_null(strstr(why, "Plugin.Model"));
                assert_null(model);
        }
        (void) snprintf(name, sizeof(name), "A.%079d", 0);
        name[2] = 'B';
        assert_int_equal(exec_model_new(name, &model, why, sizeof(why)), EXEC_MODEL_E_INVALID);
        name[80] = '\0';
        model = make(name);
        assert_string_equal(exec_model_name(model), name);
        (void) exec_model_free(model);
        assert_null(exec_model_free(NULL));
}

static void test_whole_section(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("CoreJob.ProvisionerJob");
        const struct rj_model *view = exec_model_describe(model);
        char why[256];

        (void) state;
        assert_null(view->params);
        set(model, "command", "/bin/sh --ldif \"/var/lib/registry/out dir\"");
        set(model, "parameter.model", "select(Groups, People) required");
        set(model, "parameter.provisioning_target_id", "fk required");
        set(model, "parameter.group", "fk( groups )");
        set(model, "parameter.entities", "string");
        set(model, "parameter.password", "string \t secret required");
        set(model, "parameter.force", " bool ");
        set(model, "parameter.max", "integer");
        set(model, "cancel_signal", "SIGUSR2");
        set(model, "timeout", "1h");
        set(model, "kill_after", "250ms");
        set(model, "directory", "/tmp");
        set(model, "environment.LDAP_URL", "ldap://x = y");

        assert_string_equal(view->name, "ProvisionerJob");
        assert_string_equal(view->summary, "runs /bin/sh");
        assert_ptr_equal(view->data, model);
        assert_int_equal(view->flags, 0);
        assert_non_null(view->run);
        const struct rj_param_desc *p = view->params;
        assert_string_equal(p[0].name, "model");
        assert_int_equal(p[0].type, RJ_PARAM_SELECT);
        assert_int_equal(p[0].flags, RJ_PARAM_REQUIRED);
        assert_string_equal(p[0].choices[0], "Groups");
        assert_string_equal(p[0].choices[1], "People");
        assert_null(p[0].choices[2]);
        assert_int_equal(p[1].type, RJ_PARAM_FK);
        assert_null(p[1].table);
        assert_string_equal(p[2].table, "groups");
        assert_int_equal(p[2].flags, 0);
        assert_int_equal(p[3].type, RJ_PARAM_STRING);
        assert_int_equal(p[4].flags, RJ_PARAM_REQUIRED | RJ_PARAM_SECRET);
        assert_int_equal(p[5].type, RJ_PARAM_BOOL);
        assert_int_equal(p[6].type, RJ_PARAM_INT);
        assert_null(p[7].name);

        assert_string_equal(model->argv[2], "/var/lib/registry/out dir");
        assert_null(model->argv[3]);
        assert_int_equal(model->cancel_signal, SIGUSR2);
        assert_int_equal(model->timeout_usec, 3600 * USEC_PER_SEC);
        assert_int_equal(model->kill_after_usec, 250 * USEC_PER_MSEC);
        assert_string_equal(model->environment[0], "LDAP_URL=ldap://x = y");
        assert_int_equal(exec_model_check(model, why, sizeof(why)), 0);
}

static void test_defaults(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        assert_int_equal(model->cancel_signal, SIGTERM);
        assert_int_equal(model->timeout_usec, 0);
        assert_int_equal(model->kill_after_usec, 10 * USEC_PER_SEC);
        assert_string_equal(model->directory, "/");
        assert_int_equal(model->limits.bytes, 65536);
        assert_int_equal(model->limits.lines, 1000000);
}

static void test_refused(void **state) {
        static const struct {
                const char *key, *value, *words;
        } cases[] = {
                {"comand", "/x", "unknown key 'comand', known are: command, directory"},
                {"parameter", "bool", "unknown key 'parameter'"},
                {"command.x", "/x", "unknown key"},
                {"", "", "unknown key ''"},
                {"command", "provision", "'command = provision': must be an absolute path"},
                {"command", "/x \"y", "quotation marks"},
                {"command", "", "absolute path"},
                {"directory", "tmp", "'directory = tmp': must be an absolute path"},
                {"cancel_signal", "STOP", "'cancel_signal = STOP': must be TERM, INT"},
                {"cancel_signal", "SIG", "must be TERM"},
                {"timeout", "soon", "'timeout = soon': must be an interval"},
                {"timeout", "366d", "up to 365d"},
                {"kill_after", "2h", "up to 1h"},
                {"parameters", "all", "'parameters = all': must be 'any'"},
                {"parameter.a-b", "bool", "'parameter.a-b': its name must be of letters"},
                {"parameter.", "bool", "its name must"},
                {"parameter.a", "", "must be bool, integer, string"},
                {"parameter.a", "boolean", "'parameter.a = boolean': must be bool"},
                {"parameter.a", "required", "must be bool"},
                {"parameter.a", "bool(x)", "must be bool"},
                {"parameter.a", "select", "must be bool"},
                {"parameter.a", "select()", "must be bool"},
                {"parameter.a", "select(x,,y)", "must be bool"},
                {"parameter.a", "select(x,x)", "must be bool"},
                {"parameter.a", "select(x", "must be bool"},
                {"parameter.a", "select(x)required", "must be bool"},
                {"parameter.a", "fk(Groups)", "must be bool"},
                {"parameter.a", "fk()", "must be bool"},
                {"parameter.a", "fk(a b)", "must be bool"},
                {"parameter.a", "string optional", "must be bool"},
                {"parameter.a", "string required required", "must be bool"},
                {"environment.REGISTRY_JOB_ID", "1", "not begin with REGISTRY_"},
                {"environment.A=B", "1", "its name must be of letters"},
                {"environment.1A", "1", "its name must be of letters"},
        };
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                refuse(model, cases[i].key, cases[i].value, cases[i].words);
        set(model, "command", "/bin/sh"); /* what was refused has left nothing behind */
        set(model, "parameter.a", "bool");
        set(model, "environment.A", "1");
}

static void test_given_twice(void **state) {
        static const struct {
                const char *key, *value;
        } lines[] = {
                {"command", "/bin/sh"}, {"directory", "/"},   {"cancel_signal", "HUP"},
                {"timeout", "1s"},      {"kill_after", "1s"}, {"parameter.a", "bool"},
                {"environment.A", "1"},
        };
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                set(model, lines[i].key, lines[i].value);
                refuse(model, lines[i].key, lines[i].value, "is given twice");
        }
        set(model, "parameter.ab", "bool");
        set(model, "environment.AB", "2");
}

static void test_any(void **state) {
        _cleanup_(exec_model_freep) ExecModel *any = make("A.B");
        _cleanup_(exec_model_freep) ExecModel *some = make("A.C");

        (void) state;
        set(any, "parameters", "any");
        assert_int_equal(exec_model_describe(any)->flags, RJ_MODEL_ANY_PARAMETERS);
        assert_null(exec_model_describe(any)->params);
        refuse(any, "parameter.a", "bool", "exclude each other");
        refuse(any, "parameters", "any", "twice");
        set(some, "parameter.a", "bool");
        refuse(some, "parameters", "any", "exclude each other");
        assert_int_equal(exec_model_describe(some)->flags, 0);
}

static void check(const char *command, const char *directory, const char *words) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");
        char why[256] = "";

        if (command)
                set(model, "command", command);
        set(model, "directory", directory);
        assert_int_equal(exec_model_check(model, why, sizeof(why)), EXEC_MODEL_E_INVALID);
        if (!strstr(why, words))
                fail_msg("'%s' does not say '%s'", why, words);
}

static void test_check(void **state) {
        (void) state;
        check(NULL, "/", "'command'");
        check("/no/such/program -x", "/", "'/no/such/program' cannot be executed: No such file");
        check("/etc", "/", "'/etc' is not a regular file");
        check("/etc/passwd", "/", "'/etc/passwd' cannot be executed: Permission denied");
        check("/bin/sh", "/no/such", "directory '/no/such': No such file");
        check("/bin/sh", "/etc/passwd", "directory '/etc/passwd': Not a directory");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),       cmocka_unit_test(test_whole_section),
                cmocka_unit_test(test_defaults),    cmocka_unit_test(test_refused),
                cmocka_unit_test(test_given_twice), cmocka_unit_test(test_any),
                cmocka_unit_test(test_check),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
