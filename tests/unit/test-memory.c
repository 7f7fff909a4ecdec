/* What was only read to start goes back to the page cache: util/memory.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/memory.h"

/* kB of files that are resident; 0 where the kernel does not tell. */
static unsigned long resident_of_files(void) {
        char line[256];
        unsigned long size = 0;
        FILE *file = fopen("/proc/self/status", "re");

        assert_non_null(file);
        while (!size && fgets(line, sizeof(line), file))
                (void) sscanf(line, "RssFile: %lu", &size);
        (void) fclose(file);
        return size;
}

/* Much of what is resident after a start is not needed to go on. */
static void test_release(void **state) {
        char text[64];
        unsigned long before = resident_of_files();

        (void) state;
        if (!before)
                skip();
        memory_release_startup();
        unsigned long after = resident_of_files();
        if (after >= before)
                fail_msg("%lu kB of files are resident, and were %lu kB before", after, before);
        (void) snprintf(text, sizeof(text), "%s %.1f", "still there", 1.5);
        assert_string_equal(text, "still there 1.5");
}

static void test_oom_kills(void **state) {
        uint64_t first, second;

        (void) state;
        if (memory_oom_kills(&first))
                skip(); /* hidden here */
        assert_int_equal(memory_oom_kills(&second), 0);
        assert_true(second >= first);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_release),
                cmocka_unit_test(test_oom_kills),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
