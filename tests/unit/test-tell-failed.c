/* What a worker says of a failed job: nothing that nobody wishes, and never waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "worker/run.h"

static Orders orders;
static Residue residue;
static Runner runner;
static int ends[2];

static int setup(void **state) {
        (void) state;
        if (channel_new(ends))
                return -1;
        orders = (Orders){.wishes = ORDERS_WISH_FAILED};
        residue = (Residue){.channel = descriptor_identify(ends[1])};
        runner = (Runner){.orders = &orders, .residue = &residue};
        return 0;
}

static int teardown(void **state) {
        (void) state;
        return close(ends[0]) || close(ends[1]);
}

static void expect_nothing(void) {
        ChannelMessage message;
        assert_int_equal(channel_receive(ends[0], &message), CHANNEL_E_AGAIN);
}

static void expect_failed(int32_t job_id, uint32_t untold) {
        ChannelMessage message;

        assert_int_equal(channel_receive(ends[0], &message), 0);
        assert_int_equal(message.type, CHANNEL_FAILED);
        assert_int_equal(message.job_id, job_id);
        assert_int_equal(message.untold, untold);
}

static void test_wish(void **state) {
        (void) state;
        runner_tell_failed(&runner, 7);
        expect_failed(7, 0);
        orders.wishes = ORDERS_WISH_STOP | ORDERS_WISH_OTHERS;
        runner_tell_failed(&runner, 8);
        expect_nothing();
        orders.wishes |= ORDERS_WISH_FAILED;
        runner_tell_failed(&runner, 9);
        expect_failed(9, 0);
}

/* What finds no room is counted, and said with the next message that does. */
static void test_full(void **state) {
        int32_t sent = 0;

        (void) state;
        while (!runner.untold)
                runner_tell_failed(&runner, ++sent);
        runner_tell_failed(&runner, ++sent);
        assert_int_equal(runner.untold, 2);
        for (int32_t job = 1; job <= sent - 2; job++)
                expect_failed(job, 0);
        expect_nothing();
        runner_tell_failed(&runner, 100000);
        expect_failed(100000, 2);
        runner_tell_failed(&runner, 100001);
        expect_failed(100001, 0);
}

/* A plugin has closed it: nothing goes to what has its number now. */
static void test_other_descriptor(void **state) {
        int other[2];

        (void) state;
        assert_int_equal(channel_new(other), 0);
        assert_int_equal(dup2(other[1], ends[1]), ends[1]);
        runner_tell_failed(&runner, 7);
        ChannelMessage message;
        assert_int_equal(channel_receive(other[0], &message), CHANNEL_E_AGAIN);
        (void) close(other[0]);
        (void) close(other[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_wish, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_descriptor, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
