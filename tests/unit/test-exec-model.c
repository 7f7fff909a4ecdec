/* A model of an external program: what it is given, what it refuses, what the host sees of it. */
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

static void add_parameter(ExecModel *model, const char *name, const char *type) {
        if (exec_model_add_parameter(model, name, type))
                fail_msg("parameter %s = %s", name, type);
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

static void test_whole_model(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("CoreJob.ProvisionerJob");
        const struct rj_model *view = exec_model_describe(model);
        const char *command = "/bin/sh --ldif \"/var/lib/registry/out dir\"";
        char why[256];

        (void) state;
        assert_null(view->params);
        assert_int_equal(exec_model_set_command(model, command), 0);
        add_parameter(model, "model", "select(Cgroups, People) required");
        add_parameter(model, "provisioning_target_id", "fk required");
        add_parameter(model, "group", "fk( groups )");
        add_parameter(model, "entities", "string");
        add_parameter(model, "password", "string \t secret required");
        add_parameter(model, "force", " bool ");
        add_parameter(model, "max", "integer");
        exec_model_set_cancel_signal(model, SIGUSR2);
        assert_int_equal(exec_model_set_timeout(model, 3600 * USEC_PER_SEC, "1h"), 0);
        exec_model_set_kill_after(model, 250 * USEC_PER_MSEC);
        assert_int_equal(exec_model_set_directory(model, "/tmp"), 0);
        assert_int_equal(exec_model_add_variable(model, "LDAP_URL", "ldap://x = y"), 0);
        assert_int_equal(exec_model_add_variable(model, "LANG", ""), 0);

        assert_string_equal(view->name, "ProvisionerJob");
        assert_string_equal(view->summary, "runs /bin/sh");
        assert_ptr_equal(view->data, model);
        assert_int_equal(view->flags, 0);
        assert_non_null(view->run);
        const struct rj_param_desc *p = view->params;
        assert_string_equal(p[0].name, "model");
        assert_int_equal(p[0].type, RJ_PARAM_SELECT);
        assert_int_equal(p[0].flags, RJ_PARAM_REQUIRED);
        assert_string_equal(p[0].choices[0], "Cgroups");
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
        assert_string_equal(model->timeout, "1h");
        assert_int_equal(model->kill_after_usec, 250 * USEC_PER_MSEC);
        assert_string_equal(model->environment[0], "LDAP_URL=ldap://x = y");
        assert_string_equal(model->environment[1], "LANG=");
        assert_null(model->environment[2]);
        assert_int_equal(exec_model_check(model, why, sizeof(why)), 0);
}

static void test_defaults(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        assert_int_equal(model->cancel_signal, SIGTERM);
        assert_int_equal(model->timeout_usec, 0);
        assert_int_equal(model->kill_after_usec, 10 * USEC_PER_SEC);
        assert_string_equal(model->directory, "/");
        assert_int_equal(model->limits.line_bytes, 65536);
        assert_int_equal(model->limits.messages, 1000000);
        assert_int_equal(model->limits.logged_lines, 1000000);
}

/* What is refused leaves the model as it was. */
static void test_refused(void **state) {
        static const char *const commands[] = {"", "provision", "/x \"y", "\"\""};
        static const char *const types[] = {
                "",
                "boolean",
                "required",
                "bool(x)",
                "select",
                "select()",
                "select(x,,y)",
                "select(x,x)",
                "select(x",
                "select(x)required",
                "fk(Cgroups)",
                "fk()",
                "fk(a b)",
                "string optional",
                "string required required",
        };
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        assert_int_equal(exec_model_set_command(model, "/bin/sh -c"), 0);
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                assert_int_equal(exec_model_set_command(model, commands[i]), EXEC_MODEL_E_INVALID);
        assert_string_equal(model->argv[0], "/bin/sh");
        add_parameter(model, "first", "bool");
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (exec_model_add_parameter(model, "a", types[i]) != EXEC_MODEL_E_INVALID)
                        fail_msg("%s", types[i]);
        assert_int_equal(model->n_params, 1);
        assert_string_equal(exec_model_describe(model)->params[0].name, "first");
        assert_null(exec_model_describe(model)->params[1].name);
        add_parameter(model, "a", "bool");
}

static void test_set_again(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        assert_int_equal(exec_model_set_command(model, "/bin/true"), 0);
        assert_int_equal(exec_model_set_command(model, "/bin/false"), 0);
        assert_string_equal(model->argv[0], "/bin/false");
        assert_string_equal(exec_model_describe(model)->summary, "runs /bin/false");
}

static void test_any(void **state) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");

        (void) state;
        exec_model_allow_any_parameters(model);
        assert_int_equal(exec_model_describe(model)->flags, RJ_MODEL_ANY_PARAMETERS);
        assert_null(exec_model_describe(model)->params);
}

static void check(const char *command, const char *directory, const char *words) {
        _cleanup_(exec_model_freep) ExecModel *model = make("A.B");
        char why[256] = "";

        if (command)
                assert_int_equal(exec_model_set_command(model, command), 0);
        assert_int_equal(exec_model_set_directory(model, directory), 0);
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
                cmocka_unit_test(test_names),     cmocka_unit_test(test_whole_model),
                cmocka_unit_test(test_defaults),  cmocka_unit_test(test_refused),
                cmocka_unit_test(test_set_again), cmocka_unit_test(test_any),
                cmocka_unit_test(test_check),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
