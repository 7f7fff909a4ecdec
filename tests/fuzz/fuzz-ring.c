/*
 * The ring of a status page. The input is a script: frames are put in, read and released, and then
 * somebody may write over counters and frames, as a plugin can. Until then the ring is a queue;
 * from then on it says that it is damaged, or gives frames of bounded number and size.
 */
#include "fuzz.h"
#include "ipc/ring.h"

#define FRAMES_MAX (STATUS_RING_SIZE / 5)

/* What the ring must give: the lengths of its frames. See frame_of() for their bytes. */
typedef struct Model {
        uint16_t lengths[FRAMES_MAX];
        size_t put, taken;
        int is_damaged;
} Model;

typedef struct Script {
        const uint8_t *at, *end;
} Script;

static uint64_t next(Script *script, unsigned bytes) {
        uint64_t value = 0;
        for (; bytes && script->at < script->end; bytes--)
                value = value << 8 | *script->at++;
        return value;
}

/* The bytes of frame k. */
static const uint8_t *frame_of(size_t k) {
        static uint8_t bytes[RING_FRAME_MAX + 1 + UINT8_MAX];

        if (!bytes[1])
                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (uint8_t) i;
        return bytes + k % UINT8_MAX;
}

static void put(StatusPage *page, Model *model, size_t length) {
        int r = ring_put(page, frame_of(model->put), length);

        FUZZ_CHECK(r == 0 || r == RING_E_FULL || (r < 0 && (!length || length > RING_FRAME_MAX)));
        if (!r && !model->is_damaged)
                model->lengths[model->put++] = (uint16_t) length;
}

static void check_frame(const Model *model, size_t k, const uint8_t *frame, size_t length) {
        FUZZ_CHECK(k < model->put && length == model->lengths[k]);
        FUZZ_CHECK(!memcmp(frame, frame_of(k), length));
}

/* Reads up to `most` frames, and takes them out. */
static void take(StatusPage *page, Model *model, size_t most) {
        uint64_t oldest = ring_oldest(page), at = oldest;
        uint8_t *frame = malloc(RING_FRAME_MAX);
        size_t n = 0, length = 0;
        int r = 1;

        FUZZ_CHECK(frame);
        while (n < most && (r = ring_read(page, &at, frame, RING_FRAME_MAX, &length)) == 1) {
                FUZZ_CHECK(length && length <= RING_FRAME_MAX && at - oldest <= STATUS_RING_SIZE);
                FUZZ_CHECK(ring_end(page) - at <= STATUS_RING_SIZE); /* not behind the end */
                if (!model->is_damaged)
                        check_frame(model, model->taken + n, frame, length);
                n++;
        }
        FUZZ_CHECK(r >= 0 || (r == -RING_E_DAMAGED && model->is_damaged));
        FUZZ_CHECK(model->is_damaged || n == most || model->taken + n == model->put);
        ring_release(page, at, n);
        model->taken += model->is_damaged ? 0 : n;
        free(frame);
}

/* A plugin that writes over what its worker shows. */
static void damage(StatusPage *page, Script *script) {
        _Atomic uint64_t *counters[] = {&page->ring_head, &page->ring_tail, &page->frames_put,
                                        &page->frames_taken};
        unsigned what = (unsigned) next(script, 1) % 8;

        if (what < 4)
                atomic_store(counters[what], next(script, 8));
        else if (what < 6)
                atomic_fetch_add(counters[what - 4], (uint64_t) (int8_t) next(script, 1));
        if (what < 6)
                return;
        uint64_t at = ring_oldest(page) + next(script, 2);
        page->ring[at % STATUS_RING_SIZE] = (unsigned char) next(script, 1);
}

static void check_counters(const StatusPage *page, const Model *model) {
        int64_t n = ring_count(page);

        FUZZ_CHECK(n >= -1 && n <= (int64_t) STATUS_RING_SIZE);
        FUZZ_CHECK(model->is_damaged || n == (int64_t) (model->put - model->taken));
}

static void step(StatusPage *page, Model *model, Script *script) {
        switch (next(script, 1) % 8) {
        case 0:
        case 1:
        case 2:
                put(page, model, next(script, 2) % (RING_FRAME_MAX + 2));
                break;
        case 3:
                put(page, model, RING_FRAME_MAX);
                break;
        case 4:
        case 5:
                take(page, model, next(script, 1));
                break;
        case 6:
                ring_clear(page);
                model->taken = model->put;
                FUZZ_CHECK(ring_oldest(page) == ring_end(page) && !ring_count(page));
                break;
        default:
                model->is_damaged = 1;
                damage(page, script);
        }
        check_counters(page, model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Model model;
        Script script = {data, data + size};
        StatusPage *page = aligned_alloc(64, sizeof(*page));

        FUZZ_CHECK(page);
        memset(page, 0, sizeof(*page));
        model.put = model.taken = 0;
        model.is_damaged = 0;
        while (script.at < script.end && model.put < FRAMES_MAX)
                step(page, &model, &script);
        take(page, &model, SIZE_MAX);
        free(page);
        return 0;
}
