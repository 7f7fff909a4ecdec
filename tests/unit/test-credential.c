/* The password that systemd hands over: one line of a file, and nothing else. */
#include <limits.h>
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

#include "db/credential.h"
#include "util/macro.h"

static char directory[] = "/tmp/test-credential.XXXXXX";
static char path[sizeof(directory) + sizeof(CREDENTIAL_PASSWORD) + 1];

static int set_up(void **state) {
        (void) state;
        if (!mkdtemp(directory))
                return -1;
        (void) snprintf(path, sizeof(path), "%s/%s", directory, CREDENTIAL_PASSWORD);
        return setenv("CREDENTIALS_DIRECTORY", directory, 1);
}

static int tear_down(void **state) {
        (void) state;
        (void) unlink(path);
        return rmdir(directory);
}

static void write_file(const char *bytes, size_t n) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n, file), n);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

static void test_contents(void **state) {
        static char longest[CREDENTIAL_SIZE], lines[CREDENTIAL_SIZE + 4];
        static const struct {
                const char *bytes;
                size_t n;
                const char *password; /* NULL: refused */
                const char *why;
        } rows[] = {
                {"secret", 6, "secret", NULL},
                {"secret\n", 7, "secret", NULL},
                {"secret\r\n", 8, "secret", NULL},
                {" two words \n", 12, " two words ", NULL},
                {"", 0, NULL, "empty"},
                {"\n", 1, NULL, "empty"},
                {"one\ntwo\n", 8, NULL, "one line"},
                {"nul\0inside", 10, NULL, "one line"},
                {longest, CREDENTIAL_SIZE - 1, longest, NULL},
                {longest, CREDENTIAL_SIZE, NULL, "longer"},
                {lines, CREDENTIAL_SIZE, longest, NULL},
                {lines, sizeof(lines), NULL, "longer"}, /* what is read ends with its first line */
        };
        char password[CREDENTIAL_SIZE], why[256];
        (void) state;

        memset(longest, 'x', sizeof(longest));
        memset(lines, 'x', sizeof(lines));
        lines[CREDENTIAL_SIZE - 1] = '\n';
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                write_file(rows[i].bytes, rows[i].n);
                int r = credential_read(password, why, sizeof(why));
                assert_int_equal(r, rows[i].password ? 0 : CREDENTIAL_E_INVALID);
                if (!r)
                        assert_memory_equal(password, rows[i].password, strlen(password));
                else
                        assert_non_null(strstr(why, rows[i].why));
        }
}

/* Nobody else may read the password, or give us another one. */
static void test_modes(void **state) {
        static const struct {
                mode_t mode, above;
                const char *why; /* NULL: taken */
        } rows[] = {
                {0400, 0700, NULL},
                {0440, 0550, NULL}, /* as systemd leaves it, with access lists */
                {0604, 0700, "can be read by everybody (mode 0604): chmod o-r"},
                {0602, 0700, "can be changed by everybody (mode 0602): chmod o-w"},
                {0600, 0777, "directory '/tmp/"},
        };
        char password[CREDENTIAL_SIZE], why[600];
        (void) state;

        write_file("secret", 6);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(chmod(path, rows[i].mode), 0);
                assert_int_equal(chmod(directory, rows[i].above), 0);
                int r = credential_read(password, why, sizeof(why));
                assert_int_equal(r, rows[i].why ? CREDENTIAL_E_INVALID : 0);
                if (r && !strstr(why, rows[i].why))
                        fail_msg("%zu: %s", i, why);
        }
        assert_int_equal(chmod(directory, 0700), 0);
}

static void test_none(void **state) {
        char password[CREDENTIAL_SIZE], why[256];
        (void) state;

        (void) unlink(path);
        assert_int_equal(credential_read(password, why, sizeof(why)), CREDENTIAL_E_NONE);
        (void) setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
        assert_int_equal(credential_read(password, why, sizeof(why)), CREDENTIAL_E_NONE);
        (void) unsetenv("CREDENTIALS_DIRECTORY");
        assert_int_equal(credential_read(password, why, sizeof(why)), CREDENTIAL_E_NONE);
        (void) setenv("CREDENTIALS_DIRECTORY", directory, 1);
}

/* A directory in its place cannot be read: that is an error, not "none". */
static void test_unreadable(void **state) {
        char password[CREDENTIAL_SIZE], why[256];
        (void) state;

        (void) unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(credential_read(password, why, sizeof(why)), CREDENTIAL_E_INVALID);
        assert_non_null(strstr(why, CREDENTIAL_PASSWORD));
        assert_int_equal(rmdir(path), 0);
}

/* A path that is too long is an error: cut, it would name another file. */
static void test_too_long_a_path(void **state) {
        static char padded[PATH_MAX - sizeof(CREDENTIAL_PASSWORD) + 4], other[PATH_MAX];
        char password[CREDENTIAL_SIZE], why[256];
        size_t n = strlen(directory);
        (void) state;

        memcpy(padded, directory, n);
        while (n + 2 < sizeof(padded))
                n = (size_t) (stpcpy(padded + n, "/.") - padded);
        (void) snprintf(other, sizeof(other), "%.*s", (int) (PATH_MAX - 2 - n),
                        CREDENTIAL_PASSWORD);
        char *cut = malloc(strlen(directory) + sizeof(other) + 2);
        assert_non_null(cut);
        (void) stpcpy(stpcpy(stpcpy(cut, directory), "/"), other);
        FILE *file = fopen(cut, "w");
        assert_non_null(file);
        (void) fputs("wrong", file);
        assert_int_equal(fclose(file), 0);

        (void) setenv("CREDENTIALS_DIRECTORY", padded, 1);
        int r = credential_read(password, why, sizeof(why));
        (void) setenv("CREDENTIALS_DIRECTORY", directory, 1);
        assert_int_equal(unlink(cut), 0);
        free(cut);
        assert_int_equal(r, CREDENTIAL_E_INVALID);
        assert_non_null(strstr(why, "too long"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contents), cmocka_unit_test(test_modes),
                cmocka_unit_test(test_none), cmocka_unit_test(test_unreadable),
                cmocka_unit_test(test_too_long_a_path)};
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
