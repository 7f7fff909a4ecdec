/* /proc/PID/stat: a process may give itself any name, and the fields of others in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "fuzz.h"
#include "util/process_stat.h"

#define REST " S 1 42 42 0 -1 4194560 95 0 0 0 0 0 0 0 20 0 1 0 1234567890123 2560000"

static void check(const char *text, int is_known) {
        ProcessStat stat = {.start_ticks = 7};
        int r = process_stat_parse(text, &stat);

        FUZZ_CHECK(r == 0 || r == -EBADMSG);
        if (r)
                FUZZ_CHECK(!is_known && stat.start_ticks == 7 && !stat.state && !stat.group);
        if (is_known)
                FUZZ_CHECK(stat.state == 'S' && stat.group == 42 &&
                           stat.start_ticks == 1234567890123);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size), *named = NULL;

        check(text, 0);
        FUZZ_CHECK(asprintf(&named, "4711 (%s)" REST, text) >= 0);
        check(named, 1);
        free(named);
        free(text);
        return 0;
}
