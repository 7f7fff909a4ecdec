#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/runner_lines.h"

static void test_lines(void **state) {
        static const struct {
                int is_runner;
                const char *line;
        } rows[] = {
                {1, "bin/cake job -c 2 -r"},
                {1, "* * * * * www-data cd /srv/registry/app && bin/cake job --run -c all"},
                {1, "php bin/cake.php job -rc 2"},
                {1, "/srv/registry/app/bin/cake job -qrc 2 >/dev/null 2>&1"},
                {1, "bin/cake -q job -c all -m 50 -r"},
                {1, "su -s /bin/sh -c \"bin/cake job -r -c all\" www-data"},
                {1, "docker exec registry '/srv/comanage-registry/app/bin/cake' job -r -c all"},
                {1, "bin/cake job -r; echo done"},
                {1, "ExecStart=/usr/bin/php\t/srv/app/bin/cake.php\tjob\t--run\t-c\t2"},
                {1, "sh -c 'cd app; bin/cake job -c 2 -r'"},
                {0, ""},
                {0, "bin/cake job -c 2 -j CoreJob.SyncJob"},
                {0, "bin/cake job -c 2 -j CoreJob.SyncJob -s retry=1"},
                {0, "bin/cake job -c 2 -j CoreJob.SyncJob --requeue-interval 60"},
                {0, "bin/cake jobs -r"},
                {0, "bin/cake cron -r"},
                {0, "cupcake-job -r"},
                {0, "registry-job -r -c all"},
                {0, "/usr/bin/job -r"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (runner_line_is(rows[i].line) != rows[i].is_runner)
                        fail_msg("%s", rows[i].line);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
