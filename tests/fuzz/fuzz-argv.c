/* Command lines of the configuration: what was split can be quoted, and is split again the same. */
#include "fuzz.h"
#include "util/argv.h"

/* Every character that means something, as itself. Returns the end. */
static char *quote(char *to, const char *word) {
        *to++ = '"';
        for (; *word; word++) {
                if (*word == '"' || *word == '\\')
                        *to++ = '\\';
                *to++ = *word;
        }
        *to++ = '"';
        *to++ = ' ';
        return to;
}

static void check_words(char **words, size_t size) {
        char *line = malloc(5 * size + 4), *end = line;
        char **again = NULL;
        size_t n = 0, bytes = 0;

        FUZZ_CHECK(line);
        for (; words[n]; n++) {
                bytes += strlen(words[n]);
                end = quote(end, words[n]);
        }
        *end = '\0';
        FUZZ_CHECK(n && bytes <= size);
        FUZZ_CHECK(!argv_split(line, &again));
        for (size_t i = 0; i <= n; i++)
                FUZZ_CHECK(words[i] ? again[i] && !strcmp(words[i], again[i]) : !again[i]);
        (void) argv_free(again);
        free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *line = fuzz_string(data, size);
        char **words = NULL;
        int r = argv_split(line, &words);

        FUZZ_CHECK(r == 0 || r == ARGV_E_QUOTE || r == ARGV_E_EMPTY);
        FUZZ_CHECK((words != NULL) == (r == 0));
        FUZZ_CHECK((r == ARGV_E_EMPTY) == (line[strspn(line, " \t")] == '\0'));
        if (words)
                check_words(words, strlen(line));
        (void) argv_free(words);
        free(line);
        return 0;
}
