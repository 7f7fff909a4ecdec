/* The supervisor's brain: what was thought of. test-plan-random.c has what was not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/co_list.h"
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
        plan_forked(plan, slot, now);
        plan_ready(plan, slot, now);
        assert_int_equal(plan_slot_state(plan, slot), SLOT_IDLE);
}

static void test_forks_as_many_as_needed(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        expect(plan, 0, PLAN_NONE, 0, 0);
        assert_int_equal(plan_co_ready(plan, 7), 0);
        expect(plan, 0, PLAN_SPAWN, 0, 0);
        plan_forked(plan, 0, 0);
        expect(plan, 0, PLAN_NONE, 0, 0); /* one is on its way for the one that waits */
        for (int32_t co = 5; co < 9; co++)
                assert_int_equal(plan_co_ready(plan, co), 0);
        assert_int_equal(plan_waiting(plan), 4);
        expect(plan, 0, PLAN_SPAWN, 1, 0);
        plan_forked(plan, 1, 0);
        expect(plan, 0, PLAN_NONE, 0, 0); /* the limit */
        plan_ready(plan, 1, 1);
        expect(plan, 1, PLAN_ASSIGN, 1, 7);
        assert_int_equal(plan_slot_co(plan, 1), 7);
        assert_int_equal(plan_has_waiting(plan), 1);
        plan_turn_over(plan, 1, PLAN_TURN_EMPTY, 1, 2);
        expect(plan, 2, PLAN_ASSIGN, 1, 5);
        plan_ready(plan, 0, 3);
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
                {0, PLAN_TURN_EMPTY, 0},
                {1, PLAN_TURN_EMPTY, 1},
                {0, PLAN_TURN_MORE, 1},
                {1, PLAN_TURN_MORE, 1},
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

/* A worker that is to be replaced ends its turn soon, and another one looks at the CO again. */
static void test_replaced_while_at_work(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        assert_int_equal(plan_has_spent(plan), 0);
        plan_replace_all(plan);
        assert_int_equal(plan_has_spent(plan), 1);
        plan_turn_over(plan, 0, PLAN_TURN_EMPTY, 1, 1);
        assert_int_equal(plan_has_spent(plan), 0);
        assert_int_equal(plan_waiting(plan), 1);
        expect(plan, 1, PLAN_RETIRE, 0, 0);
        expect(plan, 1, PLAN_SPAWN, 1, 0);
        start_worker(plan, 1, 1);
        expect(plan, 1, PLAN_ASSIGN, 1, 1);
        plan_free(plan);
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

/* A worker in `slot` has died with something left; nothing of it lives any more. */
static void die(Plan *plan, unsigned slot, int has_failed, usec_t now) {
        plan_gone(plan, slot, 1, has_failed, now, 0);
        assert_int_equal(plan_slot_state(plan, slot), SLOT_DYING);
        plan_cleared(plan, slot, now);
        assert_int_equal(plan_slot_state(plan, slot), SLOT_DEAD);
}

static void test_the_heir_settles(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        plan_gone(plan, 0, 1, 0, 1, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_DYING);
        expect(plan, 1, PLAN_NONE, 0, 0); /* what it started may live */
        plan_cleared(plan, 0, 2);
        assert_int_equal(plan_slot_co(plan, 0), 1);
        expect(plan, 2, PLAN_SPAWN, 0, 0);
        plan_forked(plan, 0, 2);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_HEIR);
        assert_true(plan_slot_is_unsettled(plan, 0));
        assert_int_equal(plan_waiting(plan), 0); /* its lane is not free before it is settled */
        plan_ready(plan, 0, 3);                  /* not before it has settled */
        assert_int_equal(plan_slot_state(plan, 0), SLOT_HEIR);
        plan_settled(plan, 0, 3);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_STARTING);
        assert_false(plan_slot_is_unsettled(plan, 0));
        assert_int_equal(plan_slot_co(plan, 0), 0);
        assert_int_equal(plan_waiting(plan), 1);
        expect(plan, 3, PLAN_NONE, 0, 0); /* it will be ready soon */
        plan_ready(plan, 0, 4);
        expect(plan, 4, PLAN_ASSIGN, 0, 1);
        plan_free(plan);
}

/* An heir that dies leaves the will to the next one, with a growing pause; others go on. */
static void test_heirs_back_off_alone(void **state) {
        Plan *plan = new_plan(&two);
        usec_t now = 1000 * SEC, delay = 0;

        (void) state;
        start_worker(plan, 0, now);
        die(plan, 0, 0, now);
        for (int i = 0; i < 12; i++) {
                expect(plan, now, PLAN_SPAWN, 0, 0);
                plan_forked(plan, 0, now);
                plan_gone(plan, 0, 1, 1, now, 0);
                plan_cleared(plan, 0, now);
                usec_t wake = plan_wake(plan, now);
                assert_true(wake > now && wake - now >= delay && wake - now <= 10 * SEC);
                delay = wake - now;
                expect(plan, wake - 1, PLAN_NONE, 0, 0);
                now = wake;
        }
        assert_true(delay == 10 * SEC);
        plan_forked(plan, 0, now);
        plan_gone(plan, 0, 1, 1, now, 0);
        plan_cleared(plan, 0, now);
        assert_int_equal(plan_co_ready(plan, 2), 0);
        assert_int_equal(plan_co_ready(plan, 3), 0);
        expect(plan, now, PLAN_SPAWN, 1, 0); /* for another CO, at once */
        plan_forked(plan, 1, now);
        expect(plan, now, PLAN_SPAWN, 2, 0); /* the slot that is held up takes nobody's place */
        plan_set_online(plan, 0);
        plan_set_online(plan, 1);
        expect(plan, now, PLAN_SPAWN, 0, 0); /* a new connection, a new try */
        plan_free(plan);
}

/* An heir that waits for somebody's lock holds up its own CO only. */
static void test_an_heir_that_is_held_up(void **state) {
        PlanLimits one = two;
        one.workers = 1;
        Plan *plan = new_plan(&one);

        (void) state;
        start_worker(plan, 0, 0);
        die(plan, 0, 0, 0);
        expect(plan, 0, PLAN_SPAWN, 0, 0);
        plan_forked(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 2), 0);
        expect(plan, SEC - 1, PLAN_NONE, 0, 0);
        assert_true(plan_wake(plan, SEC - 1) == SEC);
        expect(plan, SEC, PLAN_SPAWN, 1, 0);
        plan_forked(plan, 1, SEC);
        plan_ready(plan, 1, SEC);
        expect(plan, SEC, PLAN_ASSIGN, 1, 2);
        plan_settled(plan, 0, 2 * SEC);
        plan_ready(plan, 0, 2 * SEC);
        expect(plan, 2 * SEC, PLAN_RETIRE, 0, 0); /* one too many now */
        plan_free(plan);
}

static void test_nothing_left_no_heir(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        plan_gone(plan, 0, 0, 0, 0, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_EMPTY);
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1);
        plan_gone(plan, 0, 0, 0, 0, 0); /* with a CO it has always left something */
        assert_int_equal(plan_slot_state(plan, 0), SLOT_DYING);
        plan_free(plan);
}

/* Law 4: an heir that hangs is killed, and another one comes. */
static void test_heir_that_hangs(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        plan_forked(plan, 0, 0);
        die(plan, 0, 0, 10 * SEC);
        expect(plan, 10 * SEC, PLAN_SPAWN, 0, 0);
        plan_forked(plan, 0, 10 * SEC);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_HEIR);
        expect(plan, 40 * SEC - 1, PLAN_NONE, 0, 0);
        assert_true(plan_wake(plan, 30 * SEC) <= 40 * SEC);
        expect(plan, 40 * SEC, PLAN_KILL, 0, 0);
        die(plan, 0, 1, 41 * SEC);
        expect(plan, plan_wake(plan, 41 * SEC), PLAN_SPAWN, 0, 0);
        plan_free(plan);
}

/* Every event in every state: what is not in the table changes nothing. */
static void test_table(void **state) {
        static const struct {
                SlotState from;
                SlotEvent event;
                SlotState to;
        } steps[] = {
                {SLOT_EMPTY, SLOT_EV_FORKED, SLOT_STARTING},
                {SLOT_STARTING, SLOT_EV_READY, SLOT_IDLE},
                {SLOT_STARTING, SLOT_EV_ENDED, SLOT_EMPTY},
                {SLOT_STARTING, SLOT_EV_DIED, SLOT_DYING},
                {SLOT_IDLE, SLOT_EV_ASSIGNED, SLOT_BUSY},
                {SLOT_IDLE, SLOT_EV_RETIRED, SLOT_RETIRING},
                {SLOT_IDLE, SLOT_EV_ENDED, SLOT_EMPTY},
                {SLOT_IDLE, SLOT_EV_DIED, SLOT_DYING},
                {SLOT_BUSY, SLOT_EV_TURN_OVER, SLOT_IDLE},
                {SLOT_BUSY, SLOT_EV_DIED, SLOT_DYING},
                {SLOT_RETIRING, SLOT_EV_ENDED, SLOT_EMPTY},
                {SLOT_RETIRING, SLOT_EV_DIED, SLOT_DYING},
                {SLOT_DYING, SLOT_EV_CLEARED, SLOT_DEAD},
                {SLOT_DEAD, SLOT_EV_FORKED, SLOT_HEIR},
                {SLOT_HEIR, SLOT_EV_SETTLED, SLOT_STARTING},
                {SLOT_HEIR, SLOT_EV_DIED, SLOT_DYING},
        };
        size_t n = 0;

        (void) state;
        for (SlotState from = SLOT_EMPTY; from < _SLOT_STATE_MAX; from++)
                for (SlotEvent event = 0; event < _SLOT_EVENT_MAX; event++) {
                        SlotState to = slot_after(from, event), expected = _SLOT_NONE;
                        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                                if (steps[i].from == from && steps[i].event == event)
                                        expected = steps[i].to;
                        assert_int_equal(to, expected);
                        n += to != _SLOT_NONE;
                }
        assert_int_equal(n, ARRAY_SIZE(steps));
}

static void test_failures_back_off(void **state) {
        Plan *plan = new_plan(&two);
        usec_t now = 1000 * SEC, delay = 0;

        (void) state;
        assert_int_equal(plan_co_ready(plan, 1), 0);
        for (int i = 0; i < 12; i++) {
                expect(plan, now, PLAN_SPAWN, 0, 0);
                if (i % 2) {
                        plan_fork_failed(plan, 0, now, 0);
                } else {
                        plan_forked(plan, 0, now);
                        plan_gone(plan, 0, 0, 1, now, 0);
                }
                usec_t wake = plan_wake(plan, now);
                assert_true(wake > now && wake - now >= delay && wake - now <= 10 * SEC);
                delay = wake - now;
                expect(plan, wake - 1, PLAN_NONE, 0, 0);
                now = wake;
        }
        assert_true(delay == 10 * SEC);
        plan_free(plan);
}

/* A worker that starts, and fails at what it is given: neither it nor its heir comes back at once.
 */
static void test_failing_turns_back_off(void **state) {
        Plan *plan = new_plan(&two);
        usec_t now = 1000 * SEC, delay = 0;

        (void) state;
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, now, PLAN_SPAWN, 0, 0);
        plan_forked(plan, 0, now);
        for (int i = 0; i < 12; i++) {
                plan_ready(plan, 0, now); /* it can connect: that alone is no success */
                expect(plan, now, PLAN_ASSIGN, 0, 1);
                die(plan, 0, 1, now);
                usec_t wake = plan_wake(plan, now);
                assert_true(wake > now && wake - now >= delay && wake - now <= 10 * SEC);
                delay = wake - now;
                expect(plan, wake - 1, PLAN_NONE, 0, 0);
                now = wake;
                expect(plan, now, PLAN_SPAWN, 0, 0);
                plan_forked(plan, 0, now);
                plan_settled(plan, 0, now);
        }
        plan_ready(plan, 0, now);
        assert_int_equal(plan_co_ready(plan, 2), 0);
        assert_int_equal(plan_co_ready(plan, 3), 0);
        expect(plan, now, PLAN_ASSIGN, 0, 1);
        plan_turn_over(plan, 0, PLAN_TURN_EMPTY, 1, now); /* a turn, and all is forgotten */
        expect(plan, now, PLAN_ASSIGN, 0, 2);
        expect(plan, now, PLAN_SPAWN, 1, 0);
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
        plan_forked(plan, 1, 10 * SEC);
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
        plan_gone(plan, 1, 0, 0, 4, 0);
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
        plan_gone(plan, 0, 0, 0, 2, 0);
        die(plan, 1, 0, 2);
        expect(plan, 2, PLAN_SPAWN, 1, 0); /* what it left is settled all the same */
        plan_forked(plan, 1, 2);
        plan_settled(plan, 1, 3);
        plan_ready(plan, 1, 3);
        expect(plan, 3, PLAN_RETIRE, 1, 0);
        plan_gone(plan, 1, 0, 0, 4, 0);
        assert_int_equal(plan_in_use(plan), 0);
        expect(plan, 2, PLAN_NONE, 0, 0);
        plan_free(plan);
}

/* A plugin that has the descriptor can say anything at any time. */
static void test_untimely_words_are_ignored(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        plan_ready(plan, 0, 0);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_EMPTY);
        start_worker(plan, 0, 0);
        plan_turn_over(plan, 0, PLAN_TURN_MORE, 1000, 1);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_IDLE);
        expect(plan, 1, PLAN_NONE, 0, 0);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        expect(plan, 1, PLAN_ASSIGN, 0, 1);
        plan_ready(plan, 0, 2);
        assert_int_equal(plan_slot_state(plan, 0), SLOT_BUSY);
        plan_free(plan);
}

/*
 * Anybody can send hints: a full plan forgets all of them, and follows none until a look has found
 * what is true, during which there was none too many. Known COs stay.
 */
static void test_too_many_hints(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        start_worker(plan, 0, 0);
        assert_int_equal(plan_co_heard(plan, 1000), 0);
        expect(plan, 0, PLAN_ASSIGN, 0, 1000);
        assert_int_equal(plan_co_ready(plan, 2000), 0);
        for (int32_t co = 1; co <= PLAN_HINTS_MAX; co++)
                assert_int_equal(plan_co_heard(plan, co), 0);
        assert_int_equal(plan_co_heard(plan, 1), 0); /* known */
        assert_int_equal(plan_waiting(plan), PLAN_HINTS_MAX + 1);
        assert_int_equal(plan_co_heard(plan, 999), PLAN_E_HINTS);
        assert_int_equal(plan_waiting(plan), 1);

        plan_look_begins(plan);
        assert_int_equal(plan_co_heard(plan, 1), PLAN_E_HINTS);
        assert_int_equal(plan_co_ready(plan, 5), 0);
        plan_look_ends(plan);
        assert_int_equal(plan_co_heard(plan, 1), PLAN_E_HINTS);
        assert_int_equal(plan_co_heard(plan, 5), 0);    /* known */
        assert_int_equal(plan_co_heard(plan, 1000), 0); /* has a worker, and is looked at again */
        plan_look_begins(plan);
        plan_look_ends(plan);
        assert_int_equal(plan_co_heard(plan, 1), 0);

        assert_int_equal(plan_waiting(plan), 3);
        static const int32_t order[] = {2000, 5, 1, 1000};
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
                plan_turn_over(plan, 0, PLAN_TURN_EMPTY, 0, 1);
                expect(plan, 1, PLAN_ASSIGN, 0, order[i]);
        }
        plan_free(plan);
}

/* A look has found a CO that was a hint: it is none any more, and leaves room for others. */
static void test_hints_that_are_true(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        for (int round = 0; round < 3; round++) {
                int32_t first = round * PLAN_HINTS_MAX;
                for (int32_t co = first + 1; co <= first + PLAN_HINTS_MAX; co++)
                        assert_int_equal(plan_co_heard(plan, co), 0);
                for (int32_t co = first + 1; co <= first + PLAN_HINTS_MAX; co++)
                        assert_int_equal(plan_co_ready(plan, co), 0);
        }
        assert_int_equal(plan_waiting(plan), 3 * PLAN_HINTS_MAX);
        plan_stop(plan);
        assert_int_equal(plan_waiting(plan), 0);
        assert_int_equal(plan_co_heard(plan, 1), 0);
        assert_int_equal(plan_waiting(plan), 0);
        plan_free(plan);
}

static void test_too_many_cos(void **state) {
        Plan *plan = new_plan(&two);

        (void) state;
        for (int32_t co = 1; co <= CO_LIST_MAX; co++)
                assert_int_equal(plan_co_ready(plan, co), 0);
        assert_int_equal(plan_co_ready(plan, CO_LIST_MAX + 1), -ENOBUFS);
        assert_int_equal(plan_co_ready(plan, 1), 0);
        assert_int_equal(plan_waiting(plan), CO_LIST_MAX);
        plan_free(plan);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forks_as_many_as_needed),
                cmocka_unit_test(test_ends_of_turns),
                cmocka_unit_test(test_replaced_while_at_work),
                cmocka_unit_test(test_goes_round),
                cmocka_unit_test(test_the_heir_settles),
                cmocka_unit_test(test_heirs_back_off_alone),
                cmocka_unit_test(test_an_heir_that_is_held_up),
                cmocka_unit_test(test_nothing_left_no_heir),
                cmocka_unit_test(test_heir_that_hangs),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_failures_back_off),
                cmocka_unit_test(test_failing_turns_back_off),
                cmocka_unit_test(test_offline),
                cmocka_unit_test(test_time_limits),
                cmocka_unit_test(test_worn_out_and_superfluous),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_untimely_words_are_ignored),
                cmocka_unit_test(test_too_many_hints),
                cmocka_unit_test(test_hints_that_are_true),
                cmocka_unit_test(test_too_many_cos),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
