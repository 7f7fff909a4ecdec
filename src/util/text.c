/* Text that came from outside is made to fit here, once, before it goes anywhere. */
#include "util/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the valid sequence at `p`, or 0. Rejects overlong forms, surrogates, > U+10FFFF. */
static size_t sequence_length(const unsigned char *p) {
        if (p[0] < 0x80)
                return 1;
        if (p[0] >= 0xc2 && p[0] <= 0xdf)
                return (p[1] & 0xc0) == 0x80 ? 2 : 0;
        if ((p[0] & 0xf0) == 0xe0) {
                unsigned low = p[0] == 0xe0 ? 0xa0 : 0x80, high = p[0] == 0xed ? 0x9f : 0xbf;
                return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
        }
        if (p[0] >= 0xf0 && p[0] <= 0xf4) {
                unsigned low = p[0] == 0xf0 ? 0x90 : 0x80, high = p[0] == 0xf4 ? 0x8f : 0xbf;
                return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80
                               ? 4
                               : 0;
        }
        return 0;
}

size_t text_copy_utf8(char *to, size_t size, size_t max_chars, const char *from) {
        static const char replacement[] = "\xef\xbf\xbd";
        size_t used = 0, chars = 0;

        for (const unsigned char *p = (const unsigned char *) (from ? from : ""); *p; chars++) {
                if (max_chars && chars == max_chars)
                        break;
                size_t valid = sequence_length(p);
                const void *source = valid ? (const void *) p : replacement;
                size_t n = valid ? valid : strlen(replacement);
                if (used + n + 1 > size)
                        break;
                memcpy(to + used, source, n);
                used += n;
                p += valid ? valid : 1;
        }
        if (size)
                to[used] = '\0';
        return used;
}

int text_append(char *to, size_t size, const char *format, ...) {
        size_t used = strnlen(to, size);
        va_list ap;
        va_start(ap, format);
        int n = used < size ? vsnprintf(to + used, size - used, format, ap) : 0;
        va_end(ap);
        return used >= size || n < 0 || (size_t) n >= size - used;
}

size_t text_next(const char *text, uint32_t *ret) {
        static const unsigned char masks[] = {[2] = 0x1f, [3] = 0x0f, [4] = 0x07};
        const unsigned char *p = (const unsigned char *) text;
        size_t n = sequence_length(p);

        *ret = n == 0 ? TEXT_NO_CHAR : n == 1 ? p[0] : (uint32_t) (p[0] & masks[n]);
        for (size_t i = 1; i < n; i++)
                *ret = *ret << 6 | (p[i] & 0x3f);
        return *p ? MAX_OF(n, (size_t) 1) : 0;
}

int text_is_control(uint32_t c) {
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                {0x0000, 0x001f},
                {0x007f, 0x009f},
                {0x061c, 0x061c}, /* Arabic letter mark */
                {0x200e, 0x200f}, /* marks of direction */
                {0x2028, 0x202e}, /* ends of line and paragraph; embeddings and overrides */
                {0x2066, 0x206f}, /* isolates; deprecated controls of shapes */
                {TEXT_NO_CHAR, TEXT_NO_CHAR},
        };

        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return 1;
        return 0;
}

/* Controls become '?', and those of `blanks` a blank. What stays moves up: '?' is one byte long. */
static void replace_controls(char *text, const char *blanks) {
        char *to = text;
        uint32_t c;

        for (size_t n; (n = text_next(text, &c)); text += n)
                if (text_is_control(c)) {
                        *to++ = c < 0x80 && strchr(blanks, (int) c) ? ' ' : '?';
                } else {
                        memmove(to, text, n);
                        to += n;
                }
        *to = '\0';
}

size_t text_count_chars(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += (*text & 0xc0) != 0x80;
        return n;
}

void text_hide_controls(char *text) {
        replace_controls(text, "");
}

void text_make_line(char *text) {
        replace_controls(text, "\t\n");
}

char *text_format(const char *format, ...) {
        char *text = NULL;
        va_list ap;
        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        return n < 0 ? NULL : text;
}

int text_is_utf8(const char *text, size_t length) {
        if (memchr(text, 0, length))
                return 0;
        for (size_t i = 0; i < length;) {
                unsigned char tail[4] = {0}; /* a sequence cut off at the end must not read on */
                memcpy(tail, text + i, MIN_OF(sizeof(tail), length - i));
                size_t n = sequence_length(tail);
                if (!n)
                        return 0;
                i += n;
        }
        return 1;
}
