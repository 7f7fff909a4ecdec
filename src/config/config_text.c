#include "config/config_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "files/trusted.h"

#define FILE_BYTES ((size_t) 1 << 20)

static const char *explain_error(int error) {
        return error == -EISDIR  ? "it is a directory, not a configuration file"
               : error == -EFBIG ? "it is too large for a configuration file"
                                 : strerror(-error);
}

/*
 * Some editors begin a file with a byte order mark. UTF-8 with one is UTF-8; UTF-16 is not, and the
 * answer is 0. `n` bytes stand before a NUL.
 */
static int drop_byte_order_mark(char *text, size_t *n) {
        if (!strncmp(text, "\xff\xfe", 2) || !strncmp(text, "\xfe\xff", 2))
                return 0;
        if (!strncmp(text, "\xef\xbb\xbf", 3)) {
                *n -= 3;
                memmove(text, text + 3, *n + 1);
        }
        return 1;
}

char *config_text_read(const char *path, size_t *ret_length, int *ret_r, Problems *problems) {
        _cleanup_(freep) char *text = malloc(FILE_BYTES + 1);
        size_t n = 0;
        char why[480];

        int r = text ? trusted_read(path, TRUST_FILE, text, FILE_BYTES + 1, &n, why, sizeof(why))
                     : -ENOMEM;
        if (!r && n > FILE_BYTES)
                r = -EFBIG;
        if (r > 0)
                problems_add(problems, "'%s' is not read: %s", path, why);
        else if (r < 0)
                problems_add(problems, "could not read '%s': %s", path, explain_error(r));
        *ret_r = r > 0 ? CONFIG_E_INVALID : r;
        if (r)
                return NULL;
        text[n] = '\0';
        if (!drop_byte_order_mark(text, &n)) {
                problems_add(problems, "%s:1: the file is UTF-16: save it as plain UTF-8 text",
                             path);
                *ret_r = CONFIG_E_INVALID;
                return NULL;
        }
        *ret_length = n;
        return TAKE_PTR(text);
}
