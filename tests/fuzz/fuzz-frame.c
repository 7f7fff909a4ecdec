/* A history record in the ring, which the plugin of its worker may have written over. */
#include "fuzz.h"
#include "ipc/frame.h"
#include "util/text.h"

static size_t characters(const char *text) {
        size_t n = 0;
        for (; *text; text++)
                n += ((unsigned char) *text & 0xc0) != 0x80;
        return n;
}

static void check_text(const char *text, size_t size, size_t chars) {
        size_t n = strnlen(text, size);
        FUZZ_CHECK(n < size && text_is_utf8(text, n) && characters(text) <= chars);
}

/* What is decoded can be encoded, and is decoded again the same. */
static void check_again(const HistoryRecord *record) {
        HistoryRecord again;
        char *frame = malloc(FRAME_BUFFER_SIZE);

        FUZZ_CHECK(frame);
        size_t size = frame_encode(record, frame);
        FUZZ_CHECK(size <= RING_FRAME_MAX);
        frame_decode(frame, size, &again);
        FUZZ_CHECK(again.id == record->id && again.job_id == record->job_id &&
                   again.person_id == record->person_id &&
                   again.external_identity_id == record->external_identity_id &&
                   again.status == record->status);
        FUZZ_CHECK(!strcmp(again.key, record->key) && !strcmp(again.comment, record->comment));
        free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *frame = malloc(FRAME_BUFFER_SIZE);
        HistoryRecord record;

        if (size > RING_FRAME_MAX)
                size = RING_FRAME_MAX;
        FUZZ_CHECK(frame);
        memset(frame, 'x', FRAME_BUFFER_SIZE); /* what an earlier frame has left there */
        memcpy(frame, data, size);
        frame_decode(frame, size, &record);
        FUZZ_CHECK(record.id >= 0);
        check_text(record.key, sizeof(record.key), HISTORY_KEY_CHARS);
        check_text(record.comment, sizeof(record.comment), HISTORY_COMMENT_CHARS);
        check_again(&record);
        free(frame);
        return 0;
}
