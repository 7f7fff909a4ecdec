/* Files of which only a beginning is there. */
#include <fcntl.h>
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

#include "plugin/elf_file.h"

static char path[] = "/tmp/test-elf-file-XXXXXX";
static char whole[16 * 1024 * 1024];
static size_t length;

/* The answer for the first `n` bytes of this program. */
static int check(size_t n, char *why, size_t size) {
        int fd = open(path, O_WRONLY | O_TRUNC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, whole, n), n);
        close(fd);
        return elf_file_check(path, why, size);
}

static void test_parts(void **state) {
        char why[256] = "";

        (void) state;
        assert_int_equal(check(length, why, sizeof(why)), 0);
        assert_int_equal(check(0, why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_string_equal(why, "it is no shared object, or only the beginning of one");
        assert_int_equal(check(70, why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_string_equal(why, "it is no shared object, or only the beginning of one");
        assert_int_equal(check(5000, why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_non_null(strstr(why, "only 5000 of at least "));
}

/* The symbols for a debugger lie behind what is mapped: without them all is well. */
static void test_last_byte(void **state) {
        char why[256];
        unsigned long long end;

        (void) state;
        assert_int_equal(check(5000, why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_int_equal(sscanf(why, "only 5000 of at least %llu bytes", &end), 1);
        assert_int_equal(check((size_t) end, why, sizeof(why)), 0);
        assert_int_equal(check((size_t) end - 1, why, sizeof(why)), ELF_FILE_E_DAMAGED);
}

static void test_other_files(void **state) {
        char why[256], text[4096];

        (void) state;
        memset(text, 'x', sizeof(text));
        memcpy(whole, text, sizeof(text));
        assert_int_equal(check(sizeof(text), why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_int_equal(elf_file_check("/no/such", why, sizeof(why)), ELF_FILE_E_DAMAGED);
        assert_string_equal(why, "No such file or directory");
        assert_int_equal(elf_file_check("/", why, sizeof(why)), ELF_FILE_E_DAMAGED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_last_byte),
                cmocka_unit_test(test_other_files),
        };
        int self = open("/proc/self/exe", O_RDONLY), copy = mkstemp(path);
        ssize_t n = self < 0 || copy < 0 ? -1 : read(self, whole, sizeof(whole));

        if (n <= 0 || (size_t) n == sizeof(whole))
                return EXIT_FAILURE;
        length = (size_t) n;
        close(self);
        close(copy);
        int failed = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        return failed;
}
