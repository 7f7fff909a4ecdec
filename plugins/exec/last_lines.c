#include "exec/last_lines.h"

#include <string.h>

#include "util/text.h"

#define SEPARATOR " | "

static const char *line_at(const LastLines *last, size_t i) {
        return last->lines[i % LAST_LINES];
}

void last_lines_add(LastLines *last, const char *line) {
        if (!line[strspn(line, " \t")])
                return;
        (void) text_copy_utf8(last->lines[last->n % LAST_LINES], sizeof(last->lines[0]),
                              LAST_LINE_CHARS, line);
        last->n++;
}

const char *last_lines_end(const LastLines *last) {
        return last->n ? line_at(last, last->n - 1) : "";
}

void last_lines_join(const LastLines *last, size_t chars, char *ret, size_t size) {
        size_t first = last->n, kept = last->n > LAST_LINES ? last->n - LAST_LINES : 0, used = 0;

        *ret = '\0';
        while (first > kept) {
                size_t more = text_count_chars(line_at(last, first - 1)) +
                              (first < last->n ? strlen(SEPARATOR) : 0);
                if (first < last->n && used + more > chars)
                        break;
                used += more;
                first--;
        }
        for (size_t i = first; i < last->n; i++)
                (void) text_append(ret, size, "%s%s", i > first ? SEPARATOR : "", line_at(last, i));
}
