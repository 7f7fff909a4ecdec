/*
 * Output of external programs, in pieces of any size, against what a reader of the whole text says.
 * The first byte is the longest line, the second one where the pieces are cut.
 */
#include "exec/line_buffer.h"
#include "fuzz.h"

/* The text as lines, taken one after another. */
typedef struct Whole {
        const char *at, *end;
        size_t max_bytes;
} Whole;

/* Compares one line with the next one of the text, and moves behind it. */
static void check_line(Whole *whole, int r, const char *line, size_t length) {
        size_t left = (size_t) (whole->end - whole->at);
        const char *newline = left ? memchr(whole->at, '\n', left) : NULL;
        size_t wanted = newline ? (size_t) (newline - whole->at) : left;

        FUZZ_CHECK(left && line[length] == '\0');
        if (wanted > whole->max_bytes) {
                FUZZ_CHECK(r == LINE_BUFFER_E_LONG && length == whole->max_bytes);
        } else {
                size_t is_cr = wanted && whole->at[wanted - 1] == '\r';
                FUZZ_CHECK(r == 0 && length == wanted - is_cr);
        }
        FUZZ_CHECK(!memcmp(line, whole->at, length));
        whole->at = newline ? newline + 1 : whole->end;
}

static void take_lines(LineBuffer *buffer, Whole *whole) {
        char *line;
        size_t length;
        int r;

        while ((r = line_buffer_next(buffer, &line, &length)) != LINE_BUFFER_E_NONE)
                check_line(whole, r, line, length);
}

/* As a pipe gives them: up to `most` bytes at a time. */
static void feed(LineBuffer *buffer, Whole *whole, const char *text, size_t left, size_t most) {
        while (left) {
                size_t room;
                char *space = line_buffer_space(buffer, &room);
                size_t n = left < most ? left : most;

                FUZZ_CHECK(room);
                n = n < room ? n : room;
                memcpy(space, text, n);
                line_buffer_filled(buffer, n);
                take_lines(buffer, whole);
                text += n;
                left -= n;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        LineBuffer buffer;

        if (size < 3)
                return 0;
        size_t max_bytes = (size_t) data[0] + 1, most = (size_t) data[1] + 1;
        Whole whole = {(const char *) data + 2, (const char *) data + size, max_bytes};
        FUZZ_CHECK(!line_buffer_init(&buffer, max_bytes));
        feed(&buffer, &whole, whole.at, size - 2, most);
        line_buffer_finish(&buffer);
        take_lines(&buffer, &whole);
        FUZZ_CHECK(whole.at == whole.end);
        line_buffer_done(&buffer);
        return 0;
}
