#include "util/cgroup_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOUNT_FIELDS 5 /* number, parent, device, root, mount point */

/* The lines of a text, one after the other, without their ends; NULL behind the last one. */
static const char *next_line(const char **at, size_t *ret_length) {
        const char *line = *at;

        if (!*line)
                return NULL;
        *ret_length = strcspn(line, "\n");
        *at = line + *ret_length + (line[*ret_length] != '\0');
        return line;
}

int cgroup_text_own(const char *text, char *path, size_t size) {
        const char *line;
        size_t length;

        while ((line = next_line(&text, &length))) {
                if (length < 4 || strncmp(line, "0::/", 4))
                        continue;
                if (length - 3 >= size)
                        return CGROUP_TEXT_E_NONE;
                memcpy(path, line + 3, length - 3);
                path[length - 3] = '\0';
                return 0;
        }
        return CGROUP_TEXT_E_NONE;
}

static int is_octal(char c) {
        return c >= '0' && c <= '7';
}

/* Copies a field, with blanks and the like written as \040; 1 when it does not fit. */
static int unescape(const char *from, size_t length, char *to, size_t size) {
        size_t used = 0;

        for (size_t i = 0; i < length; used++) {
                if (used + 1 >= size)
                        return 1;
                if (from[i] == '\\' && length - i > 3 && is_octal(from[i + 1]) &&
                    is_octal(from[i + 2]) && is_octal(from[i + 3])) {
                        to[used] = (char) ((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 |
                                           (from[i + 3] - '0'));
                        i += 4;
                } else {
                        to[used] = from[i++];
                }
        }
        to[used] = '\0';
        return 0;
}

typedef struct Field {
        const char *text;
        size_t length;
} Field;

/* The first fields of a line; 1 when it is a mount of the unified hierarchy. */
static int split_mount(const char *line, size_t length, Field fields[MOUNT_FIELDS]) {
        static const char mark[] = " - cgroup2 "; /* behind a number of optional fields */
        const char *end = line + length;
        const char *at = line;

        for (int i = 0; i < MOUNT_FIELDS; i++) {
                const char *blank = memchr(at, ' ', (size_t) (end - at));
                if (!blank)
                        return 0;
                fields[i] = (Field){at, (size_t) (blank - at)};
                at = blank + 1;
        }
        return memmem(at, (size_t) (end - at), mark, strlen(mark)) != NULL;
}

/* What of `path` lies below `root`, with its slash; NULL when it lies elsewhere. */
static const char *path_below(const char *path, const char *root) {
        size_t length = strcmp(root, "/") ? strlen(root) : 0;

        if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
                return NULL;
        const char *rest = path + length;
        for (const char *up = rest; (up = strstr(up, "/..")); up += 3)
                if (!up[3] || up[3] == '/')
                        return NULL; /* outside of what the mount shows */
        return strcmp(rest, "/") ? rest : "";
}

int cgroup_text_directory(const char *mountinfo, const char *path, char *directory, size_t size) {
        char root[CGROUP_PATH_SIZE], point[CGROUP_PATH_SIZE];
        int r = CGROUP_TEXT_E_NONE;
        Field fields[MOUNT_FIELDS];
        const char *line, *rest;
        size_t length;

        while ((line = next_line(&mountinfo, &length))) {
                if (!split_mount(line, length, fields) ||
                    unescape(fields[3].text, fields[3].length, root, sizeof(root)) ||
                    unescape(fields[4].text, fields[4].length, point, sizeof(point)) ||
                    !(rest = path_below(path, root)) || strlen(point) + strlen(rest) >= size)
                        continue;
                (void) snprintf(directory, size, "%s%s", point, rest);
                r = 0;
        }
        return r;
}

int cgroup_text_count(const char *text, const char *key, uint64_t *ret) {
        size_t length, n = strlen(key);
        const char *line;

        while ((line = next_line(&text, &length))) {
                if (length < n + 2 || strncmp(line, key, n) || line[n] != ' ' ||
                    !isdigit((unsigned char) line[n + 1]))
                        continue;
                errno = 0;
                unsigned long long count = strtoull(line + n + 1, NULL, 10);
                if (errno)
                        return CGROUP_TEXT_E_NONE;
                *ret = count;
                return 0;
        }
        return CGROUP_TEXT_E_NONE;
}

int cgroup_text_has(const char *text, const char *word) {
        size_t n = strlen(word);

        while (*text) {
                size_t length = strcspn(text, " \n");
                if (length == n && !memcmp(text, word, n))
                        return 1;
                text += length + (text[length] != '\0');
        }
        return 0;
}

uint64_t cgroup_text_max(uint64_t used, uint64_t more) {
        uint64_t sum;
        return __builtin_add_overflow(used, more, &sum) ? UINT64_MAX : sum;
}
