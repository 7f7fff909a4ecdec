/*
 * The counts of another supervisor, as its row of the database has them: whoever may write there
 * writes them. What is read is a count or missing; metrics add such counts up.
 */
#include <stdio.h>

#include "core/counters.h"
#include "fuzz.h"

#define COUNT_END ((int64_t) 1 << 53)

static int is_count(int64_t value) {
        return value >= 0 && value < COUNT_END;
}

static void check_read(const CountersRead *read) {
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                FUZZ_CHECK(read->own[i] == -1 || is_count(read->own[i]));
        for (unsigned i = 0; i < WORK_RUN; i++)
                FUZZ_CHECK(read->work[i] == -1 || is_count(read->work[i]));
        for (unsigned i = 0; read->has_histograms && i < _WORK_MAX; i++)
                FUZZ_CHECK(i >= WORK_COMPLETE && i < WORK_RUN ? read->work[i] >= -1
                                                              : is_count(read->work[i]));
}

/* What was read, as the counts of a daemon: they are written, and read as they were. */
static void check_written(const CountersRead *read) {
        Counters counters = {0};
        CountersRead again;

        for (unsigned i = 0; i < _COUNT_MAX; i++)
                counters.own[i] = read->own[i] < 0 ? 0 : (uint64_t) read->own[i];
        for (unsigned i = 0; i < (read->has_histograms ? _WORK_MAX : WORK_RUN); i++)
                counters.work[i] = read->work[i] < 0 ? 0 : (uint64_t) read->work[i];
        char *text = counters_to_json(&counters);
        FUZZ_CHECK(text && counters_from_json(text, &again) && again.has_histograms);
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                FUZZ_CHECK((uint64_t) again.own[i] == counters.own[i]);
        for (unsigned i = 0; i < _WORK_MAX; i++)
                FUZZ_CHECK((uint64_t) again.work[i] == counters.work[i]);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size);
        CountersRead read;

        if (counters_from_json(text, &read)) {
                check_read(&read);
                check_written(&read);
        }
        free(text);
        return 0;
}
