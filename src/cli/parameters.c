/*
 * A value on the command line is seen by everybody on the host who lists processes, and is kept in
 * the shell's history. --parameter-file is the way around that: a file, or standard input. It is an
 * option and no form of value, such as name=@FILE, because every text is a value already.
 *
 * Secret values as plain words are warned of, not refused: scripts give them so.
 */
#include "cli/parameters.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/params.h"
#include "core/secret.h"
#include "process/title.h"
#include "util/reader.h"
#include "util/text.h"

#define VALUE_MAX PARAMS_MAX_BYTES
#define TERMINAL_LINE_MAX 8192 /* more than a terminal's line can have: 4096 */

/* The value without the end of its last line. NULL, or what is wrong. */
static const char *trim_value(char *value, size_t n) {
        if (n > VALUE_MAX)
                return "it is longer than parameters may be";
        if (n && value[n - 1] == '\n')
                n--;
        if (n && value[n - 1] == '\r')
                n--;
        value[n] = '\0';
        return text_is_utf8(value, n) ? NULL : "it is not UTF-8 text";
}

/* Reads into `value`, which has room for VALUE_MAX + 2 bytes. NULL, or what is wrong. */
static const char *read_file(const char *path, char *value) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        ssize_t n = fd < 0 ? -errno : read_fully(fd, value, VALUE_MAX + 1);

        return n < 0 ? strerror((int) -n) : trim_value(value, (size_t) n);
}

/* One line without an echo where a person types; all of it otherwise. */
static const char *read_standard_input(const char *name, char *value) {
        if (isatty(STDIN_FILENO)) {
                char prompt[160];
                (void) snprintf(prompt, sizeof(prompt), "%s: ", name);
                return readpassphrase(prompt, value, TERMINAL_LINE_MAX, RPP_REQUIRE_TTY)
                               ? trim_value(value, strlen(value))
                               : strerror(errno);
        }
        ssize_t n = read_fully(STDIN_FILENO, value, VALUE_MAX + 1);
        return n < 0 ? strerror((int) -n) : trim_value(value, (size_t) n);
}

/* "NAME=FILE" to a word "NAME=value". NULL after saying what is wrong. */
static char *read_word(const char *option) {
        const char *path = strchr(option, '=') + 1; /* checked by options_parse() */
        size_t n = (size_t) (path - option);
        _cleanup_(freep) char *name = strndup(option, n - 1), *word = malloc(n + VALUE_MAX + 2);

        if (!name || !word) {
                (void) cli_say_memory();
                return NULL;
        }
        memcpy(word, option, n);
        const char *problem =
                strcmp(path, "-") ? read_file(path, word + n) : read_standard_input(name, word + n);
        if (!problem)
                return TAKE_PTR(word);
        cli_say("could not read the value of parameter '%s': %s", name, problem);
        return NULL;
}

/* Whether secret values stand on the command line; says so for each. */
static int warn_of_words(const Cli *cli, const struct rj_model *model) {
        int n = 0;

        for (size_t i = 0; i < cli->options->n_words; i++) {
                const char *word = cli->options->words[i], *equals = strchr(word, '=');
                _cleanup_(freep) char *name =
                        equals ? strndup(word, (size_t) (equals - word)) : NULL;
                if (!name || !secret_has_name(model, name))
                        continue;
                n++;
                cli_tell(cli,
                         "warning: the value of parameter '%s' is secret, and everybody on this "
                         "host could read it in the list of processes",
                         name);
                cli_tell(cli,
                         "hint: --parameter-file %s=FILE reads it from a file, "
                         "--parameter-file %s=- from standard input",
                         name, name);
        }
        return n > 0;
}

int parameters_read(const Cli *cli, int32_t co_id, const CatalogEntry *entry, char **ret) {
        const Options *o = cli->options;
        char *words[PARAMETER_FILES_MAX] = {0};
        size_t n = 0;
        int code = CLI_OK;
        Problems problems = {0};

        if (!o->schedule && warn_of_words(cli, &entry->model))
                title_registering(co_id, entry->name);
        _cleanup_(freep) char **all = calloc(o->n_words + PARAMETER_FILES_MAX, sizeof(*all));
        if (!all)
                return cli_say_memory();
        for (; !code && n < o->n_parameter_files; n++) {
                words[n] = read_word(o->parameter_files[n]);
                if (!words[n])
                        code = CLI_FAILED;
        }
        memcpy(all, o->words, o->n_words * sizeof(*all));
        memcpy(all + o->n_words, words, n * sizeof(*all));
        int r = code ? 0 : params_from_words(all, o->n_words + n, &entry->model, ret, &problems);
        if (r == PARAMS_E_INVALID)
                cli_say_problems(&problems);
        for (size_t i = 0; i < n; i++) {
                if (words[i])
                        explicit_bzero(words[i], strlen(words[i]));
                free(words[i]);
        }
        if (r)
                return r == PARAMS_E_INVALID ? CLI_USAGE : cli_say_memory();
        return code;
}
