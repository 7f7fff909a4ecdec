/* The log: what is in a line, and what becomes of lines that nobody reads. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/log.h"

#define DROPPED "<4>lines of the log were dropped, because there was no room for them: "

static int saved_fd, pipe_fds[2]; /* standard error is the second one during a test */

static int begin(void **state) {
        (void) state;
        saved_fd = dup(STDERR_FILENO);
        if (saved_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -1;
        (void) fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK); /* of the reading end */
        log_init("test", LOG_STYLE_PREFIX);
        return dup2(pipe_fds[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int end(void **state) {
        (void) state;
        (void) dup2(saved_fd, STDERR_FILENO);
        (void) close(saved_fd);
        (void) close(pipe_fds[0]);
        (void) close(pipe_fds[1]);
        return 0;
}

/* All that was written; static. */
static const char *take(void) {
        static char text[1 << 17];
        size_t used = 0;

        for (ssize_t n; (n = read(pipe_fds[0], text + used, sizeof(text) - 1 - used)) > 0;)
                used += (size_t) n;
        text[used] = '\0';
        return text;
}

/* Logs more than a pipe takes; returns how many lines there is room for. */
static unsigned overfill(unsigned n) {
        unsigned lines = 0;

        for (unsigned i = 0; i < n; i++)
                log_info("line %u", i);
        for (const char *p = take(); (p = strchr(p, '\n')); p++)
                lines++;
        return lines;
}

static void test_styles(void **state) {
        const LogFields fields = {.hint = "look\nthere"};

        (void) state;
        log_warning("a%s", "\n<0>b\x1b[2J\xc2\x9b\xe2\x80\xae\xff");
        assert_string_equal(take(), "<4>a <0>b?[2J???\n");
        log_write(LOG_ERR, &fields, "bad");
        assert_string_equal(take(), "<3>bad. Hint: look there\n");
        log_init("test", LOG_STYLE_PLAIN);
        log_write(LOG_ERR, &fields, "bad");
        assert_string_equal(take(), "test: bad\n  hint: look there\n");
        char text[] = "it is\ntest: so\x7f";
        log_say(text);
        assert_string_equal(take(), "test: it is test: so?\n");
}

static void test_long_line(void **state) {
        char text[5000];

        (void) state;
        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        log_error("%s", text);
        const char *line = take();
        assert_true(strlen(line) > 2000 && strlen(line) < 2100);
        assert_int_equal(line[strlen(line) - 1], '\n');
        log_say(text);
        assert_int_equal(strlen(take()), strlen("test: ") + sizeof(text));
}

/* Dropped, counted, and said with the next line. */
static void test_nobody_reads(void **state) {
        char expected[160];

        (void) state;
        assert_int_equal(log_tell_dropped(), 0);
        unsigned lines = overfill(20000);
        assert_in_range(lines, 1000, 19999);
        log_info("there is room");
        (void) snprintf(expected, sizeof(expected), DROPPED "%u\n<6>there is room\n",
                        20000 - lines);
        assert_string_equal(take(), expected);
        log_info("and nothing is said twice");
        assert_string_equal(take(), "<6>and nothing is said twice\n");
}

/* Without a line, too: whoever calls log_tell_dropped() says it. */
static void test_told_without_a_line(void **state) {
        (void) state;
        for (int i = 0; i < 20000; i++)
                log_info("line");
        assert_int_equal(log_tell_dropped(), 1);
        (void) take();
        assert_int_equal(log_tell_dropped(), 0);
        assert_non_null(strstr(take(), DROPPED));
        assert_int_equal(log_tell_dropped(), 0);
        assert_string_equal(take(), "");
}

/* A full disk takes a part: the next line is one of its own all the same. */
static void test_line_that_is_cut(void **state) {
        FILE *file = tmpfile();
        struct rlimit before, limit;
        char text[400];

        (void) state;
        assert_non_null(file);
        (void) dup2(fileno(file), STDERR_FILENO);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = before;
        limit.rlim_cur = 20;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        log_info("first line");
        log_info("second line");
        log_info("third line");
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        log_info("fourth line");
        ssize_t n = pread(fileno(file), text, sizeof(text) - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        assert_string_equal(text, "<6>first line\n<6>sec\n" DROPPED "2\n<6>fourth line\n");
        (void) dup2(pipe_fds[1], STDERR_FILENO);
        (void) fclose(file);
}

/* Of a process that is no more. */
static void test_count_is_shared(void **state) {
        int status;

        (void) state;
        pid_t pid = fork();
        if (pid == 0) {
                for (int i = 0; i < 20000; i++)
                        log_info("line");
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void) take();
        assert_int_equal(log_tell_dropped(), 0);
        unsigned long long n = 0;
        assert_int_equal(sscanf(take(), DROPPED "%llu", &n), 1);
        assert_in_range(n, 1000, 20000);
}

/* A library writes with stdio. */
static void test_words_of_others(void **state) {
        (void) state;
        (void) fprintf(stderr, "%s %d\n", "words", 1);
        assert_string_equal(take(), "words 1\n");
        for (int i = 0; i < 20000; i++)
                assert_int_equal(fprintf(stderr, "words\n"), 6);
        (void) take();
        assert_int_equal(log_tell_dropped(), 0);
        assert_non_null(strstr(take(), DROPPED));
}

static int drop_all(int level, const LogFields *fields, const char *text, void *userdata) {
        int *n_left = userdata;
        (void) level;
        (void) fields;
        (void) text;
        return *n_left > 0 && (*n_left)--;
}

/* The journal has no room, either. */
static void test_sink(void **state) {
        int n_left = 0;

        (void) state;
        log_set_sink(drop_all, &n_left);
        log_info("lost");
        log_info("lost");
        log_set_sink(NULL, NULL);
        log_info("here");
        assert_string_equal(take(), DROPPED "2\n<6>here\n");
}

/* The reader has gone: this process goes on. */
static void test_reader_is_gone(void **state) {
        (void) state;
        (void) close(pipe_fds[0]);
        log_info("lost");
        pipe_fds[0] = -1;
        (void) dup2(saved_fd, STDERR_FILENO);
        (void) log_tell_dropped();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_styles, begin, end),
                cmocka_unit_test_setup_teardown(test_long_line, begin, end),
                cmocka_unit_test_setup_teardown(test_nobody_reads, begin, end),
                cmocka_unit_test_setup_teardown(test_told_without_a_line, begin, end),
                cmocka_unit_test_setup_teardown(test_line_that_is_cut, begin, end),
                cmocka_unit_test_setup_teardown(test_count_is_shared, begin, end),
                cmocka_unit_test_setup_teardown(test_words_of_others, begin, end),
                cmocka_unit_test_setup_teardown(test_sink, begin, end),
                cmocka_unit_test_setup_teardown(test_reader_is_gone, begin, end),
        };
        log_protect_jobs();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
