/* What the kernel says about control groups, also where it is cut, strange or too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/cgroup_text.h"
#include "util/macro.h"

#define UNTOUCHED "untouched"

static void test_own(void **state) {
        static const struct {
                const char *text;
                const char *path; /* NULL: none */
        } rows[] = {
                {"0::/system.slice/registry-jobd.service\n", "/system.slice/registry-jobd.service"},
                {"0::/\n", "/"},
                {"0::/a", "/a"},
                {"9:name=systemd:/x\n4:memory:/y/z\n0::/unified one\n", "/unified one"},
                {"0::/a:b\n", "/a:b"},
                {"0::/../other\n", "/../other"},
                {"4:memory:/y\n", NULL},
                {"10::/x\n", NULL},
                {"x0::/x\n", NULL},
                {"0::\n", NULL},
                {"0::x\n", NULL},
                {"0::", NULL},
                {"0:name=x:/a\n", NULL},
                {"0", NULL},
                {"\n\n", NULL},
                {"", NULL},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char path[64] = UNTOUCHED;
                int r = cgroup_text_own(rows[i].text, path, sizeof(path));
                assert_int_equal(r, rows[i].path ? 0 : CGROUP_TEXT_E_NONE);
                assert_string_equal(path, rows[i].path ? rows[i].path : UNTOUCHED);
        }
}

static void test_own_too_long(void **state) {
        char path[10] = UNTOUCHED;

        (void) state;
        assert_int_equal(cgroup_text_own("0::/123456789\n", path, sizeof(path)),
                         CGROUP_TEXT_E_NONE);
        assert_string_equal(path, UNTOUCHED);
        assert_int_equal(cgroup_text_own("0::/12345678\n", path, sizeof(path)), 0);
        assert_string_equal(path, "/12345678");
}

#define TMPFS "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
#define MEMORY "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"

static void test_directory(void **state) {
        static const struct {
                const char *mounts;
                const char *path;
                const char *directory; /* NULL: none */
        } rows[] = {
                /* unified */
                {"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
                 "/system.slice/x.service", "/sys/fs/cgroup/system.slice/x.service"},
                {"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/", "/sys/fs/cgroup"},
                /* hybrid, with no, one and three optional fields */
                {TMPFS "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" MEMORY, "/a",
                 "/sys/fs/cgroup/unified/a"},
                {TMPFS MEMORY "41 31 0:38 / /c rw shared:1 - cgroup2 none rw\n", "/a", "/c/a"},
                {"41 31 0:38 / /c rw shared:1 master:2 propagate_from:3 - cgroup2 x rw\n", "/a",
                 "/c/a"},
                /* without it */
                {TMPFS MEMORY, "/a", NULL},
                {"", "/a", NULL},
                /* a container sees a part: the root of the mount is its own group, or above it */
                {"5 4 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/docker/1f",
                 "/sys/fs/cgroup"},
                {"5 4 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/docker/1f/a",
                 "/sys/fs/cgroup/a"},
                {"5 4 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/docker/1fa",
                 NULL},
                {"5 4 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/", NULL},
                {"5 4 0:26 /.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/a", NULL},
                /* a process outside of the namespace that mounted it */
                {"5 4 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "/../a", NULL},
                {"5 4 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "/a/..", NULL},
                {"5 4 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "/a/..b",
                 "/sys/fs/cgroup/a/..b"},
                {"5 4 0:26 /.. /c rw - cgroup2 cgroup rw\n", "/../a", "/c/a"},
                /* the last one counts */
                {"5 4 0:26 / /one rw - cgroup2 c rw\n6 4 0:26 / /two rw - cgroup2 c rw\n", "/a",
                 "/two/a"},
                {"5 4 0:26 / /one rw - cgroup2 c rw\n6 4 0:26 /b /two rw - cgroup2 c rw\n", "/a",
                 "/one/a"},
                /* names with blanks, and with what looks like them */
                {"5 4 0:26 / /a\\040b\\134c rw - cgroup2 c rw\n", "/x y", "/a b\\c/x y"},
                {"5 4 0:26 /x\\040y /m rw - cgroup2 c rw\n", "/x y/z", "/m/z"},
                {"5 4 0:26 / /a\\04 rw - cgroup2 c rw\n", "/x", "/a\\04/x"},
                {"5 4 0:26 / /a\\ rw - cgroup2 c rw\n", "/x", "/a\\/x"},
                /* not what it seems to be */
                {"5 4 0:26 / /c rw - tmpfs cgroup2 rw\n", "/a", NULL},
                {"5 4 0:26 / /c rw - cgroup2fake c rw\n", "/a", NULL},
                {"5 4 0:26 / - cgroup2 rw\n", "/a", NULL},
                {"5 4 0:26 / /c", "/a", NULL},
                {"5 4\n\n \n      \n", "/a", NULL},
                /* the last line without an end */
                {"5 4 0:26 / /c rw - cgroup2 c rw", "/a", "/c/a"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char directory[128] = UNTOUCHED;
                int r = cgroup_text_directory(rows[i].mounts, rows[i].path, directory,
                                              sizeof(directory));
                if (r != (rows[i].directory ? 0 : CGROUP_TEXT_E_NONE))
                        fail_msg("%s: %d", rows[i].mounts, r);
                assert_string_equal(directory, rows[i].directory ? rows[i].directory : UNTOUCHED);
        }
}

static void test_directory_too_long(void **state) {
        static const char mounts[] = "5 4 0:26 / /c rw - cgroup2 c rw\n";
        char line[3 * CGROUP_PATH_SIZE], directory[5] = "x";

        (void) state;
        assert_int_equal(cgroup_text_directory(mounts, "/ab", directory, sizeof(directory)),
                         CGROUP_TEXT_E_NONE);
        assert_string_equal(directory, "x");
        assert_int_equal(cgroup_text_directory(mounts, "/a", directory, sizeof(directory)), 0);
        assert_string_equal(directory, "/c/a");

        memset(line, 'm', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        assert_int_equal(cgroup_text_directory(line, "/a", directory, sizeof(directory)),
                         CGROUP_TEXT_E_NONE);
        memcpy(line, "5 4 0:26 / /", 12);
        memcpy(line + sizeof(line) - 24, " rw - cgroup2 cgroup rw", 24);
        assert_int_equal(cgroup_text_directory(line, "/a", directory, sizeof(directory)),
                         CGROUP_TEXT_E_NONE);
}

static void test_count(void **state) {
        static const char events[] = "low 0\nhigh 1\nmax 12\noom 3\noom_kill 4\nbig "
                                     "18446744073709551616\nword x\nminus -1\nlast 9";
        static const struct {
                const char *key;
                int r;
                uint64_t value;
        } rows[] = {
                {"low", 0, 0},
                {"max", 0, 12},
                {"oom", 0, 3},
                {"oom_kill", 0, 4},
                {"last", 0, 9},
                {"oom_", CGROUP_TEXT_E_NONE, 77},
                {"kill", CGROUP_TEXT_E_NONE, 77},
                {"big", CGROUP_TEXT_E_NONE, 77},
                {"word", CGROUP_TEXT_E_NONE, 77},
                {"minus", CGROUP_TEXT_E_NONE, 77},
                {"none", CGROUP_TEXT_E_NONE, 77},
        };
        uint64_t none = 77;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t value = 77;
                assert_int_equal(cgroup_text_count(events, rows[i].key, &value), rows[i].r);
                assert_int_equal(value, rows[i].value);
        }
        assert_int_equal(cgroup_text_count("", "max", &none), CGROUP_TEXT_E_NONE);
        assert_int_equal(cgroup_text_count("max", "max", &none), CGROUP_TEXT_E_NONE);
        assert_int_equal(none, 77);
}

static void test_has(void **state) {
        (void) state;
        assert_true(cgroup_text_has("cpuset cpu io memory pids\n", "memory"));
        assert_true(cgroup_text_has("cpuset cpu io memory pids\n", "pids"));
        assert_true(cgroup_text_has("memory", "memory"));
        assert_true(cgroup_text_has("12\n345\n6\n", "345"));
        assert_false(cgroup_text_has("12\n345\n6\n", "34"));
        assert_false(cgroup_text_has("memoryx xmemory\n", "memory"));
        assert_false(cgroup_text_has("\n", "memory"));
        assert_false(cgroup_text_has("", "memory"));
}

static void test_max(void **state) {
        (void) state;
        assert_int_equal(cgroup_text_max(5, 7), 12);
        assert_int_equal(cgroup_text_max(5, 0), 5);
        assert_true(cgroup_text_max(UINT64_MAX - 3, 3) == UINT64_MAX);
        assert_true(cgroup_text_max(UINT64_MAX - 3, 4) == UINT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_own),       cmocka_unit_test(test_own_too_long),
                cmocka_unit_test(test_directory), cmocka_unit_test(test_directory_too_long),
                cmocka_unit_test(test_count),     cmocka_unit_test(test_has),
                cmocka_unit_test(test_max),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
