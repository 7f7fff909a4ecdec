/* Titles: what may be in them, how long they are, and what they leave alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/title.h"
#include "util/macro.h"
#include "worker/residue.h"

static size_t length; /* of the arguments that this program was started with */

/* The words that ps shows. The library adds a blank to one that is as long as the arguments were.
 */
static const char *title(void) {
        static char text[65536];
        FILE *file = fopen("/proc/self/cmdline", "re");

        assert_non_null(file);
        size_t n = fread(text, 1, sizeof(text) - 1, file);
        (void) fclose(file);
        text[n] = '\0';
        n = strlen(text);
        if (n && text[n - 1] == ' ' && n - 1 == length)
                text[n - 1] = '\0';
        return text;
}

static void test_words(void **state) {
        (void) state;
        title_supervisor();
        assert_string_equal(title(), "test-title: supervisor");
        title_worker_idle();
        assert_string_equal(title(), "test-title: worker, idle");
        title_job(42, 3, "CoreJob.NesterJob");
        assert_string_equal(title(), "test-title: job 42 of CO 3, CoreJob.NesterJob");
        title_job(2147483647, 2147483647, "A.B");
        assert_string_equal(title(), "test-title: job 2147483647 of CO 2147483647, A.B");
        title_job(1, 2, NULL);
        assert_string_equal(title(), "test-title: job 1 of CO 2, ");
}

static void test_hostile_names(void **state) {
        char name[100000], expected[200] = "test-title: job 1 of CO 2, ";

        (void) state;
        title_job(1, 2,
                  "a\n\t\x1b[2J%s%n\x7f"
                  "b\xc2\x9b\xc2\xa0\xff");
        assert_string_equal(title(),
                            "test-title: job 1 of CO 2, a???[2J%s%n?b?\xc2\xa0\xef\xbf\xbd");
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        title_job(1, 2, name);
        memset(expected + strlen(expected), 'x', 80);
        assert_string_equal(title(), expected);
}

/* The words of a worker's environment are compared, and its pointers restored. */
static void test_environment(void **state) {
        static Residue residue; /* its environment stays in use */
        char words[RESIDUE_WORDS];

        (void) state;
        assert_int_equal(residue_init(&residue, -1, -1), 0);
        title_job(7, 8, "A.B");
        assert_false(residue_after(&residue, -1, words));
        assert_string_equal(getenv("TITLE_TEST"), "here");
        assert_int_equal(setenv("TITLE_TEST", "other", 1), 0);
        title_job(9, 8, "A.B");
        assert_true(residue_after(&residue, -1, words));
        assert_string_equal(getenv("TITLE_TEST"), "here");
        title_worker_idle();
        assert_string_equal(getenv("TITLE_TEST"), "here");
        assert_string_equal(title(), "test-title: worker, idle");
        residue_done(&residue);
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_hostile_names),
                cmocka_unit_test(test_environment),
        };

        /* The environment is the room that titles have: what was started with none has little. */
        if (!getenv("TITLE_TEST")) {
                char *room = malloc(4096);
                if (!room)
                        return EXIT_FAILURE;
                memset(room, 'r', 4095);
                room[4095] = '\0';
                (void) setenv("TITLE_ROOM", room, 1);
                (void) setenv("TITLE_TEST", "here", 1);
                (void) execv("/proc/self/exe", argv);
                return EXIT_FAILURE;
        }
        length = strlen(argv[0]);
        title_init(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
