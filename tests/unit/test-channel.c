/* Messages between supervisor and worker: only known forms get through. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ipc/channel.h"

static void close_both(const int fds[2]) {
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void test_there_and_back(void **state) {
        const ChannelMessage assign = {.type = CHANNEL_ASSIGN, .co_id = 2};
        const ChannelMessage over = {
                .type = CHANNEL_TURN_OVER, .co_id = 2, .end = TURN_SHARE, .jobs = 100};
        ChannelMessage message = {.type = 99};
        int fds[2];

        (void) state;
        assert_int_equal(channel_new(fds), 0);
        assert_int_equal(channel_receive(fds[0], &message), CHANNEL_E_AGAIN);
        assert_int_equal(message.type, 99);
        assert_int_equal(channel_send(fds[0], &assign), 0);
        assert_int_equal(channel_receive(fds[1], &message), 0);
        assert_memory_equal(&message, &assign, sizeof(assign));
        assert_int_equal(channel_send(fds[1], &over), 0);
        assert_int_equal(channel_send(fds[1], &assign), 0);
        assert_int_equal(channel_receive(fds[0], &message), 0);
        assert_memory_equal(&message, &over, sizeof(over));
        assert_int_equal(channel_receive(fds[0], &message), 0);
        assert_memory_equal(&message, &assign, sizeof(assign));
        close_both(fds);
}

static void test_ends(void **state) {
        ChannelMessage message = {.type = CHANNEL_READY};
        int fds[2];

        (void) state;
        assert_int_equal(channel_new(fds), 0);
        for (int i = 0; i < 2; i++)
                assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
        assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
        assert_int_equal(channel_send(fds[1], &message), 0);
        (void) close(fds[1]);
        assert_int_equal(channel_receive(fds[0], &message), 0); /* what was said before it died */
        assert_int_equal(channel_receive(fds[0], &message), CHANNEL_E_CLOSED);
        assert_int_equal(channel_send(fds[0], &message), CHANNEL_E_CLOSED); /* and no SIGPIPE */
        (void) close(fds[0]);
        assert_true(channel_send(fds[0], &message) < 0);
        assert_true(channel_receive(fds[0], &message) < 0);
}

static void test_a_full_channel_does_not_block(void **state) {
        const ChannelMessage message = {.type = CHANNEL_ASSIGN};
        int fds[2], r = 0;

        (void) state;
        assert_int_equal(channel_new(fds), 0);
        for (int i = 0; i < 1000000 && !r; i++)
                r = channel_send(fds[0], &message);
        assert_int_equal(r, CHANNEL_E_AGAIN);
        close_both(fds);
}

static void test_forged_messages(void **state) {
        static const struct {
                uint32_t words[6];
                size_t size;
        } rows[] = {
                {{CHANNEL_ASSIGN, 0, 0, 0}, 16},
                {{CHANNEL_ASSIGN, 0, 0, 0, 0, 0}, 24},
                {{CHANNEL_ASSIGN}, 1},
                {{0, 0, 0, 0, 0}, 20},
                {{4, 0, 0, 0, 0}, 20},
                {{UINT32_MAX, 0, 0, 0, 0}, 20},
                {{3, 0, _TURN_END_MAX, 0, 0}, 20},
                {{3, 0, UINT32_MAX, 0, 0}, 20},
                {{3, 0, TURN_EMPTY, 0, 2}, 20},
        };
        int fds[2];

        (void) state;
        assert_int_equal(channel_new(fds), 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                ChannelMessage message = {.jobs = 77};
                assert_int_equal(send(fds[1], rows[i].words, rows[i].size, 0), rows[i].size);
                assert_int_equal(channel_receive(fds[0], &message), CHANNEL_E_INVALID);
                assert_int_equal(message.jobs, 77);
        }
        close_both(fds);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_a_full_channel_does_not_block),
                cmocka_unit_test(test_forged_messages),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
