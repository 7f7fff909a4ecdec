/* The supervisor's brain: what was thought of. test-plan-random.c has what was not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"

#define SEC USEC_PER_SEC

static const PlanLimits two = {
        .workers = 2, .max_jobs_per_worker = 10, .idle_usec = 60 * SEC, .start_usec = 30 * SEC};

static Plan *new_plan(const PlanLimits *limits) {
        Plan *plan = NULL;
        assert_int_equal(plan_new(limits, &plan), 0);
        plan_set_online(plan, 1);
        return plan;
}

static void expect(Plan *plan, usec_t now, PlanActionType type, unsigned slot, int32_t co_id) {
        PlanAction action = plan_next(plan, now);
        assert_int_equal(action.type, type);
        if (type != PLAN_NONE)
                assert_int_equal(action.slot, slot);
        if (type == PLAN_ASSIGN)
                assert_int_equal(action.co_id, co_id);
}

/* A worker in `slot` that is idle. */
static void start_worker(Plan *plan, unsigned slot, usec_t now) {
        plan_spawned(plan, slot, now);
        plan_started(plan, slot, now);
        assert_int_equal(plan_slot_state(plan, slot), SLOT_IDLE);
}

static void test_forks_as_many_as_needed(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        expect(plan, 0, PLAN_NONE, 0, 0);
        assert_int_equal(plan_co_ready(plan, 7), 0);
        expect(plan, 0, PLAN_SPAWN, 0, 0);
        plan_spawned(plan, 0, 0);
        expect(plan, 0, PLAN_NONE, 0, 0); /* one is on its way for the one that waits */
        for (int32_t co = 5; co < 9; co++)
                assert_int_equal(plan_co_ready(plan, co), 0);
        assert_int_equal(plan_waiting(plan), 4);
        expect(plan, 0, PLAN_SPAWN, 1, 0);
        plan_spawned(plan, 1, 0);
        expect(plan, 0, PLAN_NONE, 0, 0); /* the limit */
        plan_started(plan, 1, 1);
        expect(plan, 1, PLAN_ASSIGN, 1, 7);
        assert_int_equal(plan_slot_co(plan, 1), 7);
        assert_int_equal(plan_has_waiting(plan), 1);
        plan_turn_over(plan, 1, PLAN_TURN_EMPTY, 1, 2);
        expect(plan, 2, PLAN_ASSIGN, 1, 5);
        plan_started(plan, 0, 3);
        expect(plan, 3, PLAN_ASSIGN, 0, 6);
        assert_int_equal(plan_count(plan, SLOT_BUSY), 2);
        assert_int_equal(plan_in_use(plan), 2);
        plan_free(plan);
}

static void test_ends_of_turns(void **state) {
        static const struct {
                int heard_again;
                PlanTurn end;
                size_t waiting;
        } rows[] = {
                {0, PLAN_TURN_EMPTY, 0}, {1, PLAN_TURN_EMPTY, 1}, {0, PLAN_TURN_MORE, 1},
                {1, PLAN_TURN_MORE, 1},  {0, PLAN_TURN_HELD, 0},  {1, PLAN_TURN_HELD, 0},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                Plan *plan = new_plan(&two);
                start_worker(plan, 0, 0);
                assert_int_equal(plan_co_ready(plan, 1), 0);
                expect(plan, 0, PLAN_ASSIGN, 0, 1);
                assert_int_equal(plan_has_waiting(plan), 0);
                if (rows[i].heard_again)
                        assert_int_equal(plan_co_ready(plan, 1), 0);
                assert_int_equal(plan_waiting(plan), 0);
                plan_turn_over(plan, 0, rows[i].end, 1, 1);
                assert_int_equal(plan_waiting(plan), rows[i].waiting);
                assert_int_equal(plan_slot_co(plan, 0), 0);
                plan_free(plan);
        }
}

/* A CO that has more goes behind those that have waited. */
static void test_goes_round(void **state) {
        const PlanLimits one = {.workers = 1,
                                .max_jobs_per_worker = 1000,
                                .idle_usec = 60 * SEC,
                                .start_usec = 30 * SEC};
        Plan *plan = new_plan(&one);

        (void) state;
        start_worker(plan, 0, 0);
        for (int32_t co = 3; co > 0; co--)
                assert_int_equal(plan_co_ready(plan, co), 0);
        for (int round = 0; round < 4; round++)
                for (int32_t co = 3; co > 0; co--) {
                        expect(plan, 0, PLAN_ASSIGN, 0, co);
                        plan_turn_over(plan, 0, PLAN_TURN_MORE, 5, 0);
                }
        plan_free(plan);
}

static void test_dead_worker(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        plan_gone(plan, 0, 0, 1, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_DEAD);
        assert_int_equal(plan_slot_co(plan, 0), 1);
        assert_int_equal(plan_waiting(plan), 0); /* its lane is not free before it is settled */
        expect(plan, 1, PLAN_NONE, 0, 0);
        plan_settled(plan, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_EMPTY);
        assert_int_equal(plan_waiting(plan), 1);
        expect(plan, 1, PLAN_SPAWN, 0, 0);
        plan_free(plan);
}

static void test_failures_back_off(void **state) {
        Plan *plan = new_plan(&two);
        usec_t now = 1000 * SEC, delay = 0;

        (void) state;
        assert_int_equal(plan_co_ready(plan, 1), 0);
        for (int i = 0; i < 12; i++) {
                expect(plan, now, PLAN_SPAWN, 0, 0);
                if (i % 2) {
                        plan_spawn_failed(plan, now, 0);
                } else {
                        plan_spawned(plan, 0, now);
                        if (i % 4) { /* starts, and fails at what it is given */
                                plan_started(plan, 0, now);
                                expect(plan, now, PLAN_ASSIGN, 0, 1);
                        }
                        plan_gone(plan, 0, 1, now, 0);
                        plan_settled(plan, 0);
                }
                usec_t wake = plan_wake(plan, now);
                assert_true(wake > now && wake - now >= delay && wake - now <= 10 * SEC);
                delay = wake - now;
                expect(plan, wake - 1, PLAN_NONE, 0, 0);
                now = wake;
        }
        assert_true(delay == 10 * SEC);
        plan_spawned(plan, 0, now);
        plan_started(plan, 0, now); /* it can connect: that alone is no success */
        assert_int_equal(plan_co_ready(plan, 2), 0);
        assert_int_equal(plan_co_ready(plan, 3), 0);
        expect(plan, now, PLAN_ASSIGN, 0, 1);
        plan_gone(plan, 0, 1, now, 0);
        plan_settled(plan, 0);
        assert_true(plan_wake(plan, now) > now);
        now = plan_wake(plan, now);
        expect(plan, now, PLAN_SPAWN, 0, 0);
        plan_spawned(plan, 0, now);
        plan_started(plan, 0, now);
        expect(plan, now, PLAN_ASSIGN, 0, 2);
        plan_turn_over(plan, 0, PLAN_TURN_EMPTY, 1, now); /* a turn, and all is forgotten */
        expect(plan, now, PLAN_ASSIGN, 0, 3);
        expect(plan, now, PLAN_SPAWN, 1, 0);
        plan_free(plan);
}

/* A dead worker whose history has to wait holds up neither its CO nor another worker. */
static void test_history_waits(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        plan_gone(plan, 0, 0, 0, 0);
        expect(plan, 0, PLAN_NONE, 0, 0);
        plan_co_released(plan, 0);
        assert_true(plan_slot_is_dead(plan, 0));
        assert_int_equal(plan_slot_state(plan, 0), SLOT_LEFT);
        expect(plan, 0, PLAN_SPAWN, 1, 0);
        plan_settled(plan, 0);
        assert_false(plan_slot_is_dead(plan, 0));
        assert_int_equal(plan_slot_state(plan, 0), SLOT_EMPTY);
        plan_free(plan);
}

static void test_offline(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        plan_set_online(plan, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        assert_int_equal(plan_co_ready(plan, 2), 0);
        expect(plan, 1, PLAN_NONE, 0, 0);
        assert_true(plan_wake(plan, 1) == 60 * SEC);
        plan_set_online(plan, 1);
        expect(plan, 1, PLAN_ASSIGN, 0, 1);
        expect(plan, 1, PLAN_SPAWN, 1, 0);
        plan_free(plan);
}

static void test_time_limits(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        plan_spawned(plan, 1, 10 * SEC);
        assert_true(plan_wake(plan, 10 * SEC) == 40 * SEC);
        expect(plan, 40 * SEC - 1, PLAN_NONE, 0, 0);
        expect(plan, 40 * SEC, PLAN_KILL, 1, 0);
        expect(plan, 50 * SEC, PLAN_NONE, 0, 0); /* once is enough */
        assert_true(plan_wake(plan, 50 * SEC) == 60 * SEC);
        expect(plan, 60 * SEC, PLAN_RETIRE, 0, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_RETIRING);
        expect(plan, 90 * SEC - 1, PLAN_NONE, 0, 0);
        expect(plan, 90 * SEC, PLAN_KILL, 0, 0);
        assert_true(plan_wake(plan, 90 * SEC) == USEC_INFINITY);
        plan_free(plan);
}

static void test_worn_out_and_superfluous(void **state) {
        Plan *plan = new_plan(&two);
        PlanLimits one = two;

        (void) state;
        start_worker(plan, 0, 0);
        start_worker(plan, 1, 1);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 1, PLAN_ASSIGN, 1, 1); /* the one that was idle last */
        plan_turn_over(plan, 1, PLAN_TURN_EMPTY, 9, 2);
        expect(plan, 2, PLAN_NONE, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 2, PLAN_ASSIGN, 1, 1);
        plan_turn_over(plan, 1, PLAN_TURN_EMPTY, 1, 3);
        expect(plan, 3, PLAN_RETIRE, 1, 0); /* ten jobs */
        plan_gone(plan, 1, 0, 4, 0);
        plan_settled(plan, 1);
        start_worker(plan, 1, 5);
        expect(plan, 5, PLAN_NONE, 0, 0);
        one.workers = 1;
        plan_set_limits(plan, &one);
        expect(plan, 5, PLAN_RETIRE, 0, 0);
        expect(plan, 5, PLAN_NONE, 0, 0);
        plan_free(plan);
}

static void test_stop(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        start_worker(plan, 1, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        assert_int_equal(plan_co_ready(plan, 2), 0);
        plan_stop(plan);
        assert_int_equal(plan_waiting(plan), 0);
        assert_int_equal(plan_co_ready(plan, 3), 0);
        assert_int_equal(plan_waiting(plan), 0);
        expect(plan, 0, PLAN_RETIRE, 1, 0);
        expect(plan, 0, PLAN_NONE, 0, 0);
        plan_turn_over(plan, 0, PLAN_TURN_MORE, 1, 1);
        assert_int_equal(plan_waiting(plan), 0);
        expect(plan, 1, PLAN_RETIRE, 0, 0);
        for (unsigned slot = 0; slot < 2; slot++) {
                plan_gone(plan, slot, 0, 2, 0);
                plan_settled(plan, slot);
        }
        assert_int_equal(plan_in_use(plan), 0);
        expect(plan, 2, PLAN_NONE, 0, 0);
        plan_free(plan);
}

/* A plugin that has the descriptor can say anything at any time. */
static void test_untimely_words_are_ignored(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        plan_started(plan, 0, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_EMPTY);
        start_worker(plan, 0, 0);
        plan_turn_over(plan, 0, PLAN_TURN_MORE, 1000, 1);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_IDLE);
        expect(plan, 1, PLAN_NONE, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 1, PLAN_ASSIGN, 0, 1);
        plan_started(plan, 0, 2);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_BUSY);
        plan_free(plan);
}

static void test_too_many_cos(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        for (int32_t co = 1; co <= PLAN_COS_MAX; co++)
                assert_int_equal(plan_co_ready(plan, co), 0);
        assert_int_equal(plan_co_ready(plan, PLAN_COS_MAX + 1), -ENOBUFS);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        assert_int_equal(plan_waiting(plan), PLAN_COS_MAX);
        plan_free(plan);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forks_as_many_as_needed),
                cmocka_unit_test(test_ends_of_turns),
                cmocka_unit_test(test_goes_round),
                cmocka_unit_test(test_dead_worker),
                cmocka_unit_test(test_failures_back_off),
                cmocka_unit_test(test_history_waits),
                cmocka_unit_test(test_offline),
                cmocka_unit_test(test_time_limits),
                cmocka_unit_test(test_worn_out_and_superfluous),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_untimely_words_are_ignored),
                cmocka_unit_test(test_too_many_cos),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
