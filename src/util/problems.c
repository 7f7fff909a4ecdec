#include "util/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

void problems_add(Problems *problems, const char *format, ...) {
        char line[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        /* A value that is repeated in it must not begin a line of its own. */
        text_hide_controls(line);
        if (strlen(problems->text) + strlen(line) + 2 <= sizeof(problems->text))
                (void) text_append(problems->text, sizeof(problems->text), "%s%s",
                                   problems->count ? "\n" : "", line);
        problems->count++;
}

void problems_join(const Problems *problems, char *text, size_t size) {
        const char *p = problems->text;

        text[0] = '\0';
        for (;;) {
                size_t n = strcspn(p, "\n");
                (void) text_append(text, size, "%.*s", (int) n, p);
                if (!p[n])
                        break;
                (void) text_append(text, size, "; ");
                p += n + 1;
        }
}
