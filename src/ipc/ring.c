#include "ipc/ring.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"

typedef uint32_t FrameSize;

static void copy_in(StatusPage *page, uint64_t at, const void *data, size_t size) {
        size_t offset = at % STATUS_RING_SIZE, first = MIN_OF(size, STATUS_RING_SIZE - offset);
        memcpy(page->ring + offset, data, first);
        memcpy(page->ring, (const char *) data + first, size - first);
}

static void copy_out(const StatusPage *page, uint64_t at, void *data, size_t size) {
        size_t offset = at % STATUS_RING_SIZE, first = MIN_OF(size, STATUS_RING_SIZE - offset);
        memcpy(data, page->ring + offset, first);
        memcpy((char *) data + first, page->ring, size - first);
}

int ring_put(StatusPage *page, const void *data, size_t size) {
        if (!size || size > RING_FRAME_MAX)
                return error_origin(-E2BIG);
        uint64_t head = atomic_load(&page->ring_head), tail = atomic_load(&page->ring_tail);
        FrameSize length = (FrameSize) size;
        if (head - tail + sizeof(length) + size > STATUS_RING_SIZE)
                return RING_E_FULL;
        copy_in(page, head, &length, sizeof(length));
        copy_in(page, head + sizeof(length), data, size);
        atomic_fetch_add(&page->frames_put, 1);
        atomic_store(&page->ring_head, head + sizeof(length) + size); /* from here on it counts */
        return 0;
}

uint64_t ring_oldest(const StatusPage *page) {
        return atomic_load(&page->ring_tail);
}

uint64_t ring_end(const StatusPage *page) {
        return atomic_load(&page->ring_head);
}

int ring_read(const StatusPage *page, uint64_t *at, void *data, size_t size, size_t *ret_size) {
        uint64_t left = atomic_load(&page->ring_head) - *at;
        FrameSize length;

        if (!left)
                return 0;
        if (left > STATUS_RING_SIZE || left < sizeof(length))
                return -RING_E_DAMAGED;
        copy_out(page, *at, &length, sizeof(length));
        if (!length || length > RING_FRAME_MAX || length > size || length > left - sizeof(length))
                return -RING_E_DAMAGED;
        copy_out(page, *at + sizeof(length), data, length);
        *at += sizeof(length) + length;
        *ret_size = length;
        return 1;
}

void ring_patch(StatusPage *page, uint64_t at, const void *data, size_t size) {
        copy_in(page, at + sizeof(FrameSize), data, size);
}

void ring_release(StatusPage *page, uint64_t at, uint64_t n) {
        atomic_fetch_add(&page->frames_taken, n);
        atomic_store(&page->ring_tail, at);
}

void ring_restore(StatusPage *page, uint64_t oldest, uint64_t end, uint64_t n) {
        atomic_store(&page->ring_tail, oldest);
        atomic_store(&page->frames_put, n);
        atomic_store(&page->frames_taken, 0);
        atomic_store(&page->ring_head, end);
}

void ring_clear(StatusPage *page) {
        atomic_store(&page->frames_taken, atomic_load(&page->frames_put));
        atomic_store(&page->ring_tail, atomic_load(&page->ring_head));
}

int64_t ring_count(const StatusPage *page) {
        uint64_t n = atomic_load(&page->frames_put) - atomic_load(&page->frames_taken);
        return n <= STATUS_RING_SIZE / sizeof(FrameSize) ? (int64_t) n : -1;
}
