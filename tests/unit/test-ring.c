/* The ring of a status page next to a model, and with counters that somebody scribbled over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/ring.h"

#define MODEL_FRAMES 65536

static uint32_t draw(uint32_t *random, uint32_t n) {
        *random = *random * 1664525u + 1013904223u;
        return (uint32_t) ((uint64_t) *random * n >> 32);
}

static int setup(void **state) {
        StatusPage *page = NULL;
        int fd;
        int r = status_page_new(&page, &fd);
        *state = page;
        if (!r)
                (void) close(fd);
        return r;
}

static int teardown(void **state) {
        *state = status_page_free(*state);
        return 0;
}

static void test_put_and_read(void **state) {
        StatusPage *page = *state;
        char data[RING_FRAME_MAX];
        size_t size = 99;
        uint64_t at = ring_oldest(page);

        assert_int_equal(ring_read(page, &at, data, sizeof(data), &size), 0);
        assert_int_equal(size, 99);
        assert_int_equal(ring_put(page, "one", 3), 0);
        assert_int_equal(ring_put(page, "three", 5), 0);
        assert_int_equal(ring_read(page, &at, data, sizeof(data), &size), 1);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "one", 3);
        uint64_t second = at;
        ring_patch(page, second, "TH", 2);
        assert_int_equal(ring_read(page, &at, data, sizeof(data), &size), 1);
        assert_int_equal(size, 5);
        assert_memory_equal(data, "THree", 5);
        assert_int_equal(ring_read(page, &at, data, sizeof(data), &size), 0);
        assert_int_equal(ring_count(page), 2);
        ring_release(page, second, 1);
        assert_int_equal(ring_oldest(page), second);
        assert_int_equal(ring_count(page), 1);
        ring_clear(page);
        assert_int_equal(ring_count(page), 0);
        assert_int_equal(ring_oldest(page), ring_end(page));
}

static void test_sizes(void **state) {
        StatusPage *page = *state;
        static const char data[RING_FRAME_MAX + 1];

        assert_int_equal(ring_put(page, data, 0), -E2BIG);
        assert_int_equal(ring_put(page, data, sizeof(data)), -E2BIG);
        assert_int_equal(ring_put(page, data, RING_FRAME_MAX), 0);
        size_t frames = 1;
        while (!ring_put(page, data, RING_FRAME_MAX))
                frames++;
        assert_int_equal(frames, STATUS_RING_SIZE / (RING_FRAME_MAX + 4));
        assert_int_equal(ring_put(page, data, RING_FRAME_MAX), RING_E_FULL);
        ring_release(page, RING_FRAME_MAX + 4, 1);
        assert_int_equal(ring_put(page, data, RING_FRAME_MAX), 0);
}

static void test_exactly_full(void **state) {
        StatusPage *page = *state;
        static const char data[60];

        for (size_t i = 0; i < STATUS_RING_SIZE / 64; i++)
                assert_int_equal(ring_put(page, data, 60), 0);
        assert_int_equal(ring_put(page, data, 1), RING_E_FULL);
        char out[60];
        size_t size, n = 0;
        for (uint64_t at = 0; ring_read(page, &at, out, sizeof(out), &size) == 1;)
                n++;
        assert_int_equal(n, STATUS_RING_SIZE / 64);
}

static void fill(char *data, size_t size, uint32_t seed) {
        for (size_t i = 0; i < size; i++)
                data[i] = (char) (seed + i * 7);
}

/* Puts, reads and releases in random order, round the end of the ring many times. */
static void test_against_a_model(void **state) {
        static struct {
                uint32_t size, seed;
                uint64_t end;
        } frames[MODEL_FRAMES];
        StatusPage *page = *state;
        size_t put = 0, read = 0, released = 0;
        uint64_t at = ring_oldest(page), used = 0;
        uint32_t random = 42;
        char data[RING_FRAME_MAX], expected[RING_FRAME_MAX];

        for (int step = 0; step < 100000; step++) {
                uint32_t what = draw(&random, 10);
                if (what < 5) {
                        uint32_t size = 1 + draw(&random, draw(&random, 3) ? 200 : RING_FRAME_MAX);
                        fill(data, size, (uint32_t) put);
                        int r = ring_put(page, data, size);
                        assert_int_equal(r, used + 4 + size > STATUS_RING_SIZE ? RING_E_FULL : 0);
                        if (r)
                                continue;
                        frames[put].size = size;
                        frames[put].seed = (uint32_t) put;
                        put++;
                        used += 4 + size;
                } else if (what < 8) {
                        size_t size = 0;
                        int r = ring_read(page, &at, data, sizeof(data), &size);
                        assert_int_equal(r, read < put);
                        if (!r)
                                continue;
                        assert_int_equal(size, frames[read].size);
                        fill(expected, size, frames[read].seed);
                        assert_memory_equal(data, expected, size);
                        frames[read++].end = at;
                } else if (read > released) {
                        size_t until = released + 1 + draw(&random, (uint32_t) (read - released));
                        size_t n = until - released;
                        for (; released < until; released++)
                                used -= 4 + frames[released].size;
                        ring_release(page, frames[until - 1].end, n);
                        assert_int_equal(ring_count(page), put - released);
                }
        }
        assert_true(at > 10 * (uint64_t) STATUS_RING_SIZE);
}

static void test_positions_near_the_end_of_numbers(void **state) {
        StatusPage *page = *state;
        uint64_t at = UINT64_MAX - 10;
        char data[64];
        size_t size;

        atomic_store(&page->ring_head, at);
        atomic_store(&page->ring_tail, at);
        assert_int_equal(ring_put(page, "0123456789abcdef", 16), 0);
        assert_int_equal(ring_read(page, &at, data, sizeof(data), &size), 1);
        assert_int_equal(size, 16);
        assert_memory_equal(data, "0123456789abcdef", 16);
}

static void test_damage_is_told(void **state) {
        static const struct {
                uint64_t head;
                uint32_t length;
                size_t room;
        } rows[] = {
                {STATUS_RING_SIZE + 1, 10, 64}, /* more than there can be */
                {UINT64_MAX, 10, 64},           /* the head behind the tail */
                {3, 10, 64},                    /* not even a length */
                {14, 0, 64},
                {14, 11, 64},       /* beyond the head */
                {8000, 4097, 8192}, /* beyond the largest frame */
                {14, UINT32_MAX, 64},
                {200, 100, 64}, /* beyond the caller's room */
        };
        StatusPage *page = *state;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                static char data[8192];
                size_t size = 99;
                uint64_t at = 0;
                atomic_store(&page->ring_head, rows[i].head);
                memcpy(page->ring, &rows[i].length, sizeof(rows[i].length));
                assert_int_equal(ring_read(page, &at, data, rows[i].room, &size), -RING_E_DAMAGED);
                assert_int_equal(at, 0);
                assert_int_equal(size, 99);
        }
}

/* Nothing that a worker writes into its page makes a reader leave it or go round for ever. */
static void test_damage_does_no_harm(void **state) {
        StatusPage *page = *state;
        uint32_t random = 7;

        for (int round = 0; round < 3000; round++) {
                for (size_t i = 0; i < 64; i++)
                        page->ring[draw(&random, STATUS_RING_SIZE)] =
                                (unsigned char) draw(&random, 256);
                uint64_t tail = (uint64_t) draw(&random, UINT32_MAX) << draw(&random, 33);
                atomic_store(&page->ring_tail, tail);
                atomic_store(&page->ring_head, draw(&random, 2)
                                                       ? tail + draw(&random, 2 * STATUS_RING_SIZE)
                                                       : (uint64_t) draw(&random, UINT32_MAX));
                uint64_t at = ring_oldest(page);
                char data[RING_FRAME_MAX];
                size_t size = 0, n = 0;
                int r;
                while ((r = ring_read(page, &at, data, sizeof(data), &size)) == 1) {
                        assert_true(size >= 1 && size <= sizeof(data));
                        assert_true(n++ < STATUS_RING_SIZE);
                }
                assert_true(r == 0 || r == -RING_E_DAMAGED);
                (void) ring_put(page, data, 1 + draw(&random, RING_FRAME_MAX));
        }
}

static void test_counts_that_make_no_sense(void **state) {
        StatusPage *page = *state;

        (void) ring_put(page, "one", 3);
        atomic_store(&page->frames_taken, 5);
        assert_int_equal(ring_count(page), -1);
        atomic_store(&page->frames_put, UINT64_MAX);
        assert_int_equal(ring_count(page), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_counts_that_make_no_sense, setup, teardown),
                cmocka_unit_test_setup_teardown(test_put_and_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exactly_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_against_a_model, setup, teardown),
                cmocka_unit_test_setup_teardown(test_positions_near_the_end_of_numbers, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_damage_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_damage_does_no_harm, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
