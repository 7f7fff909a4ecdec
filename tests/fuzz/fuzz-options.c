/* The command's options: the input is its words, one a line. */
#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "fuzz.h"
#include "util/text.h"

#define WORDS_MAX 512

/* What the command says of it is nobody's business here. */
static void be_silent(void) {
        static FILE *nothing;

        if (!nothing)
                stdout = stderr = nothing = fopen("/dev/null", "we");
        FUZZ_CHECK(nothing);
}

/* Cuts the text into words, which are its lines, behind the name of the program. */
static int split(char *text, char *words[WORDS_MAX + 1]) {
        static char name[] = "registry-job";
        int n = 0;

        words[n++] = name;
        for (char *word; n < WORDS_MAX && (word = strsep(&text, "\n"));)
                words[n++] = word;
        words[n] = NULL;
        return n;
}

static void check_number(int64_t value, int64_t min, int64_t max) {
        FUZZ_CHECK(value >= min && value <= max);
}

static void check_files(const Options *options) {
        size_t n_standard_input = 0;

        FUZZ_CHECK(options->n_parameter_files <= PARAMETER_FILES_MAX);
        for (size_t i = 0; i < options->n_parameter_files; i++) {
                const char *equals = strchr(options->parameter_files[i], '=');
                FUZZ_CHECK(equals && equals > options->parameter_files[i] && equals[1]);
                n_standard_input += !strcmp(equals, "=-");
        }
        FUZZ_CHECK(n_standard_input <= 1);
}

static void check_options(const Options *options, int argc) {
        check_number(options->max, 0, INT32_MAX);
        check_number(options->parallel, 0, 256);
        check_number(options->delay, 0, INT32_MAX);
        check_number(options->requeue_interval, 0, INT32_MAX);
        check_number(options->retry_interval, 0, INT32_MAX);
        check_number(options->max_retry, -1, INT32_MAX);
        check_number(options->limit, 0, INT32_MAX);
        check_number(options->person, 0, INT32_MAX);
        check_number(options->before, 0, INT32_MAX);
        FUZZ_CHECK(strlen(options->actor) < sizeof(options->actor));
        FUZZ_CHECK(text_is_utf8(options->actor, strlen(options->actor)));
        check_files(options);
        FUZZ_CHECK(options->n_words < (size_t) argc);
        for (size_t i = 0; i < options->n_words; i++)
                FUZZ_CHECK(options->words[i]);
        FUZZ_CHECK(!options->words[options->n_words]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size);
        char *words[WORDS_MAX + 1];
        int argc = split(text, words);
        Options options;

        be_silent();
        optind = 0; /* getopt begins anew */
        int code = options_parse(argc, words, &options);
        FUZZ_CHECK(code == -1 || code == CLI_OK || code == CLI_USAGE);
        if (code == -1)
                check_options(&options, argc);
        free(text);
        return 0;
}
