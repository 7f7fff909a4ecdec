/* The walk, over a small tree of directories and links; as root also with files of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files/trusted.h"
#include "util/macro.h"

#define SOMEBODY 64211

static char top[] = "/tmp/rj-trusted.XXXXXX";

static void make_directory(const char *path, mode_t mode) {
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chmod(path, mode), 0);
}

static void make_file(const char *path, mode_t mode) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "text", 4), 4);
        (void) close(fd);
        assert_int_equal(chmod(path, mode), 0);
}

static int make_tree(void **state) {
        (void) state;
        assert_non_null(mkdtemp(top));
        assert_int_equal(chdir(top), 0);
        make_directory("good", 0755);
        make_file("good/program", 0755);
        make_file("good/everybody", 0777);
        make_file("good/read", 0644);
        make_directory("good/below", 0755);
        make_directory("open", 0777);
        make_file("open/program", 0755);
        make_directory("open/below", 0755);
        make_file("open/below/program", 0755);
        make_directory("sticky", 01777);
        make_file("sticky/program", 0755);
        assert_int_equal(symlink("../good/program", "open/link"), 0);
        assert_int_equal(symlink("../good/program", "sticky/link"), 0);
        assert_int_equal(symlink("open", "good/../to-open"), 0);
        assert_int_equal(symlink("loop", "loop"), 0);
        return 0;
}

static int remove_tree(void **state) {
        char command[64];

        (void) state;
        (void) snprintf(command, sizeof(command), "rm -rf %s", top);
        return system(command);
}

typedef struct Row {
        const char *path; /* below the top */
        int r;
        const char *why; /* what it says of which path */
} Row;

static const Row rows[] = {
        {"good/program", 0, NULL},
        {"./good//below/../program", 0, NULL},
        {"good/everybody", TRUSTED_E_REFUSED, "/good/everybody' can be changed by everybody"},
        {"open/program", TRUSTED_E_REFUSED, "/open' can be changed by everybody"},
        {"open/below/program", TRUSTED_E_REFUSED, "/open' can be changed by everybody"},
        {"open/below/../../good/program", TRUSTED_E_REFUSED, "/open' can be changed by everybody"},
        {"open/link", TRUSTED_E_REFUSED, "/open' can be changed by everybody"},
        {"to-open/program", TRUSTED_E_REFUSED, "/open' can be changed by everybody"},
        {"sticky/program", 0, NULL},
        {"sticky/link", 0, NULL},
        {"good", 0, NULL},
        {"good/none", -ENOENT, NULL},
        {"good/program/", -ENOTDIR, NULL},
        {"good/program/below", -ENOTDIR, NULL},
        {"loop", -ELOOP, NULL},
};

static void check(const char *path, int expected, const char *part) {
        char why[480] = "";
        int fd = -1;

        int r = trusted_find(path, TRUST_FILE, &fd, why, sizeof(why));
        if (r != expected || (part && !strstr(why, part)) || (fd >= 0) != !expected)
                fail_msg("%s: %d '%s'", path, r, why);
        closep(&fd);
}

static void test_paths(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char path[512];

                check(rows[i].path, rows[i].r, rows[i].why);
                (void) snprintf(path, sizeof(path), "%s/%s", top, rows[i].path);
                check(path, rows[i].r, rows[i].why);
        }
}

/* What is there is what was asked for: its text can be read, and it is no directory above. */
static void test_opened(void **state) {
        char why[480], text[8] = "", path[4200];
        size_t n = 0;

        (void) state;
        assert_int_equal(
                trusted_read("sticky/link", TRUST_FILE, text, sizeof(text), &n, why, sizeof(why)),
                0);
        assert_int_equal(n, 4);
        assert_string_equal(text, "text");
        assert_int_equal(
                trusted_read("good/read", TRUST_SECRET, text, sizeof(text), &n, why, sizeof(why)),
                TRUSTED_E_REFUSED);
        assert_non_null(strstr(why, "can be read by everybody (mode 0644)"));
        memset(path, 'p', sizeof(path));
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(trusted_read(path, TRUST_FILE, text, sizeof(text), &n, why, sizeof(why)),
                         -ENAMETOOLONG);
        path[300] = '\0';
        assert_int_equal(trusted_read(path, TRUST_FILE, text, sizeof(text), &n, why, sizeof(why)),
                         -ENAMETOOLONG);
        assert_int_equal(trusted_read("", TRUST_FILE, text, sizeof(text), &n, why, sizeof(why)),
                         -ENOENT);
}

/* What whoever started us has opened: a pipe, memory, /dev/null. */
static void test_without_a_path(void **state) {
        int ends[2], memory = memfd_create("test", MFD_CLOEXEC);
        char path[32];

        (void) state;
        check("/dev/null", 0, NULL);
        assert_int_equal(pipe(ends), 0);
        const int fds[] = {memory, ends[0]};
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
                check(path, 0, NULL);
                (void) close(fds[i]);
        }
        (void) close(ends[1]);
        /* A file that has a name is judged by its mode; the directories above are not on the way.
         */
        int fd = open("good/everybody", O_RDONLY | O_CLOEXEC);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        check(path, TRUSTED_E_REFUSED, "can be changed by everybody");
        (void) close(fd);
}

/* Nobody has looked at what lies above the working directory. */
static void test_above_a_link_of_proc(void **state) {
        (void) state;
        assert_int_equal(chdir("open/below"), 0);
        check("/proc/self/cwd/../program", TRUSTED_E_REFUSED, "can be changed by everybody");
        assert_int_equal(chdir(top), 0);
}

static void test_files_of_others(void **state) {
        (void) state;
        if (geteuid() != 0)
                skip();
        make_file("good/of-somebody", 0755);
        assert_int_equal(chown("good/of-somebody", SOMEBODY, SOMEBODY), 0);
        check("good/of-somebody", TRUSTED_E_REFUSED, "/good/of-somebody' belongs to user 64211");
        make_directory("of-somebody", 01777);
        make_file("of-somebody/program", 0755);
        assert_int_equal(chown("of-somebody", SOMEBODY, SOMEBODY), 0);
        check("of-somebody/program", TRUSTED_E_REFUSED, "/of-somebody' belongs to user 64211");
        /* He could let it lead elsewhere at any time. */
        assert_int_equal(symlink("../good/program", "sticky/of-somebody"), 0);
        assert_int_equal(lchown("sticky/of-somebody", SOMEBODY, SOMEBODY), 0);
        check("sticky/of-somebody", TRUSTED_E_REFUSED, "chown -h root");
}

/*
 * Root's group is root's own, as long as nobody else is in it. An access list lets others write
 * whom the mode does not name: its mask stands where the group's bits are.
 */
static void test_private_group(void **state) {
        /* Version 2; user::rw-, user:64211:rw-, group::r--, mask::rw-, other::r-- */
        static const unsigned char list[] = {
                2, 0,    0,    0,    0x01, 0,    6,    0, 0xff, 0xff, 0xff, 0xff, 0x02, 0,    6,
                0, 0xd3, 0xfa, 0,    0,    0x04, 0,    4, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
                6, 0,    0xff, 0xff, 0xff, 0xff, 0x20, 0, 4,    0,    0xff, 0xff, 0xff, 0xff};

        (void) state;
        if (geteuid() != 0)
                skip();
        make_file("good/private", 0664);
        assert_int_equal(chown("good/private", 0, 0), 0);
        check("good/private", 0, NULL);
        if (!setxattr("good/private", "system.posix_acl_access", list, sizeof(list), 0))
                check("good/private", TRUSTED_E_REFUSED, "can be changed by group 0");
        make_file("good/shared", 0664);
        assert_int_equal(chown("good/shared", 0, 64211), 0);
        check("good/shared", TRUSTED_E_REFUSED, "can be changed by group 64211 (mode 0664)");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),           cmocka_unit_test(test_opened),
                cmocka_unit_test(test_without_a_path),  cmocka_unit_test(test_above_a_link_of_proc),
                cmocka_unit_test(test_files_of_others), cmocka_unit_test(test_private_group),
        };
        return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
