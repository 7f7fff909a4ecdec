#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec-set.h"
#include "util/text.h"

static int new_model(Set *set, size_t i, const char *name, const char *path) {
        set->models[i] = model_named(name, path);
        return exec_model_set_resident(set->models[i], 20 * USEC_PER_SEC, "20s");
}

Set begin(const char *body) {
        _cleanup_(freep) char *path = write_script(body, 0755);
        _cleanup_(freep) char *starts = text_format("%s/starts", exec_directory);
        Set set = {.fds = count_fds()};

        assert_non_null(starts);
        (void) unlink(starts);
        assert_int_equal(new_model(&set, 0, "Test.One", path), 0);
        assert_int_equal(new_model(&set, 1, "Test.Two", path), 0);
        return set;
}

void make_set(Set *set) {
        assert_int_equal(residents_new(set->models, 2, &set->residents), 0);
        assert_non_null(set->residents);
}

void finish(Set *set) {
        set->residents = residents_free(set->residents);
        for (size_t i = 0; i < 2; i++)
                set->models[i] = exec_model_free(set->models[i]);
        assert_int_equal(count_fds(), set->fds);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

int run_model(Set *set, size_t i, int32_t job, Fake *fake) {
        begin_job(fake, set->models[i], job);
        return fake->context.model->run(&fake->context);
}

int run_job(Set *set, int32_t job, Fake *fake) {
        *fake = (Fake){.cancel_on = fake->cancel_on, .lose_on = fake->lose_on, .json = fake->json};
        return run_model(set, 0, job, fake);
}

int count_starts(void) {
        _cleanup_(freep) char *path = text_format("%s/starts", exec_directory);
        int n = 0, c;

        assert_non_null(path);
        FILE *file = fopen(path, "re");
        while (file && (c = getc(file)) != EOF)
                n += c == '\n';
        if (file)
                (void) fclose(file);
        return n;
}

void expect_summary(const Fake *fake, const char *words) {
        if (!strstr(fake->summary, words))
                fail_msg("'%s' is not in '%s'; calls:\n%s", words, fake->summary, fake->calls);
}
