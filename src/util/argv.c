#include "util/argv.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"

char **argv_free(char **argv) {
        if (argv)
                free(argv[0]); /* all words lie in one block */
        free(argv);
        return NULL;
}

char **argv_copy(const char *const words[]) {
        size_t n = 0, length = 0;

        for (; words[n]; n++)
                length += strlen(words[n]) + 1;
        char **argv = calloc(n + 1, sizeof(*argv)), *block = n ? malloc(length) : NULL;
        if (!argv || (n && !block)) {
                free(argv);
                free(block);
                return NULL;
        }
        argv[0] = block; /* owned by argv from here on */
        for (size_t i = 0; i < n; i++) {
                argv[i] = i ? argv[i - 1] + strlen(argv[i - 1]) + 1 : block;
                (void) strcpy(argv[i], words[i]);
        }
        return argv;
}

/*
 * Copies the next word to `to`. Returns the bytes written with the ending NUL, 0 at the end of the
 * line, or -1 where a quotation does not end.
 */
static ssize_t next_word(const char **line, char *to) {
        const char *p = *line + strspn(*line, " \t");
        char *start = to;
        char quote = 0;

        if (!*p)
                return 0;
        for (; *p && (quote || !strchr(" \t", *p)); p++) {
                if (*p == quote) {
                        quote = 0;
                } else if (!quote && (*p == '\'' || *p == '"')) {
                        quote = *p;
                } else if (*p == '\\' && quote != '\'') {
                        if (!*++p)
                                return -1;
                        *to++ = *p;
                } else {
                        *to++ = *p;
                }
        }
        if (quote)
                return -1;
        *to++ = '\0';
        *line = p;
        return to - start;
}

int argv_split(const char *line, char ***ret) {
        size_t length = strlen(line);
        _cleanup_(argv_freep) char **argv = calloc(length / 2 + 2, sizeof(char *));
        char *words = malloc(length + 1);
        if (!argv || !words) {
                free(words);
                return error_origin(-ENOMEM);
        }

        argv[0] = words; /* owned by argv from here on */
        size_t n = 0;
        ssize_t used;
        while ((used = next_word(&line, words)) > 0) {
                argv[n++] = words;
                words += used;
        }
        if (used < 0)
                return ARGV_E_QUOTE;
        if (!n)
                return ARGV_E_EMPTY;
        *ret = TAKE_PTR(argv);
        return 0;
}
