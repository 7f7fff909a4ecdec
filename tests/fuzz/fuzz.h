/* What every fuzzer here has, called by libFuzzer or by replay.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also without assertions. */
#define FUZZ_CHECK(condition)     \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

/* The input as a string of its own. */
static inline char *fuzz_string(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1);
        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        return text;
}
