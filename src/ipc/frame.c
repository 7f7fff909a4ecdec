#include "ipc/frame.h"

#include <string.h>

#include "util/text.h"

/* A frame is this, then the key and the comment with their ending NULs. */
typedef struct FrameHead {
        int32_t id; /* first: frame_set_id() */
        int32_t job_id;
        int32_t person_id;
        int32_t external_identity_id;
        uint32_t status;
} FrameHead;

_Static_assert(offsetof(FrameHead, id) == 0, "the id is patched at the beginning of the frame");
_Static_assert(sizeof(FrameHead) + HISTORY_KEY_SIZE + HISTORY_COMMENT_SIZE <= RING_FRAME_MAX,
               "every record fits into a frame");

size_t frame_encode(const HistoryRecord *r, char frame[RING_FRAME_MAX]) {
        FrameHead head = {r->id, r->job_id, r->person_id, r->external_identity_id, r->status};
        size_t key = strlen(r->key) + 1, comment = strlen(r->comment) + 1;

        memcpy(frame, &head, sizeof(head));
        memcpy(frame + sizeof(head), r->key, key);
        memcpy(frame + sizeof(head) + key, r->comment, comment);
        return sizeof(head) + key + comment;
}

void frame_decode(char frame[FRAME_BUFFER_SIZE], size_t size, HistoryRecord *ret) {
        FrameHead head = {0};
        size_t texts = sizeof(head);

        memcpy(&head, frame, MIN_OF(size, sizeof(head)));
        *ret = (HistoryRecord){.id = head.id > 0 ? head.id : 0,
                               .job_id = head.job_id,
                               .person_id = head.person_id,
                               .external_identity_id = head.external_identity_id,
                               .status = head.status};
        if (size <= texts)
                return;
        frame[size] = frame[size + 1] = '\0';
        (void) text_copy_utf8(ret->key, sizeof(ret->key), HISTORY_KEY_CHARS, frame + texts);
        (void) text_copy_utf8(ret->comment, sizeof(ret->comment), HISTORY_COMMENT_CHARS,
                              frame + texts + strlen(frame + texts) + 1);
}

void frame_set_id(StatusPage *page, uint64_t at, int32_t id) {
        ring_patch(page, at, &id, sizeof(id));
}
