/*
 * The supervisor's brain under a hundred thousand random events, next to a model that is too simple
 * to be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/plan.h"

#define SEC USEC_PER_SEC

#define COS 24
#define MODEL_SLOTS 60
#define MODEL_WORKERS 12

typedef struct Model {
        Plan *plan;
        PlanLimits limits;
        uint32_t random;
        usec_t now;
        int32_t queue[COS]; /* the order in which they wait */
        size_t n;
        int has_worker[COS + 1], is_again[COS + 1];
        int is_online;
} Model;

static uint32_t draw(Model *m, uint32_t n) {
        m->random = m->random * 1664525u + 1013904223u;
        return (uint32_t) ((uint64_t) m->random * n >> 32);
}

static void model_push(Model *m, int32_t co) {
        assert_true(m->n < COS);
        m->queue[m->n++] = co;
        m->has_worker[co] = m->is_again[co] = 0;
}

static void model_ready(Model *m, int32_t co) {
        if (draw(m, 2)) /* found, or heard of: so few make no difference */
                assert_int_equal(plan_co_ready(m->plan, co), 0);
        else
                assert_int_equal(plan_co_heard(m->plan, co), 0);
        for (size_t i = 0; i < m->n; i++)
                if (m->queue[i] == co)
                        return;
        if (m->has_worker[co])
                m->is_again[co] = 1;
        else
                model_push(m, co);
}

static void model_part(Model *m, int32_t co, int looks_again) {
        if (!co)
                return;
        assert_true(m->has_worker[co]);
        if (looks_again || m->is_again[co])
                model_push(m, co);
        m->has_worker[co] = m->is_again[co] = 0;
}

static void model_event(Model *m, unsigned slot) {
        int32_t co = plan_slot_co(m->plan, slot);
        PlanTurn end = (PlanTurn) draw(m, 2);

        switch (plan_slot_state(m->plan, slot)) {
        case SLOT_STARTING:
                if (draw(m, 4))
                        plan_ready(m->plan, slot, m->now);
                else
                        plan_gone(m->plan, slot, (int) draw(m, 2), 1, m->now, draw(m, UINT32_MAX));
                break;
        case SLOT_BUSY:
                if (!draw(m, 20)) {
                        plan_gone(m->plan, slot, (int) draw(m, 2), (int) draw(m, 2), m->now,
                                  draw(m, UINT32_MAX));
                        break;
                }
                plan_turn_over(m->plan, slot, end, draw(m, 4), m->now);
                model_part(m, co, end == PLAN_TURN_MORE);
                break;
        case SLOT_IDLE:
        case SLOT_RETIRING:
                if (!draw(m, 4))
                        plan_gone(m->plan, slot, (int) draw(m, 2), 0, m->now, draw(m, UINT32_MAX));
                break;
        case SLOT_DYING:
                plan_cleared(m->plan, slot, m->now);
                break;
        case SLOT_HEIR:
                if (draw(m, 4)) {
                        plan_settled(m->plan, slot, m->now);
                        model_part(m, co, 1);
                } else {
                        plan_gone(m->plan, slot, 1, 1, m->now, draw(m, UINT32_MAX));
                }
                break;
        default:
                break;
        }
}

static unsigned unsettled(const Plan *plan) {
        unsigned n = 0;
        for (unsigned slot = 0; slot < MODEL_SLOTS; slot++)
                n += (unsigned) plan_slot_is_unsettled(plan, slot);
        return n;
}

static void model_act(Model *m, PlanAction action) {
        assert_true(action.slot < MODEL_SLOTS);
        switch (action.type) {
        case PLAN_SPAWN:;
                assert_true(m->is_online);
                int is_heir = plan_slot_state(m->plan, action.slot) == SLOT_DEAD;
                if (!is_heir)
                        assert_int_equal(plan_slot_state(m->plan, action.slot), SLOT_EMPTY);
                if (!draw(m, 8)) {
                        plan_fork_failed(m->plan, action.slot, m->now, draw(m, UINT32_MAX));
                        break;
                }
                plan_forked(m->plan, action.slot, m->now);
                /* Those that are held up are not counted. */
                if (!is_heir)
                        assert_true(plan_in_use(m->plan) - unsettled(m->plan) <= m->limits.workers);
                break;
        case PLAN_ASSIGN:
                assert_true(m->is_online && m->n > 0);
                assert_int_equal(action.co_id, m->queue[0]); /* whoever has waited longest */
                assert_int_equal(plan_slot_state(m->plan, action.slot), SLOT_BUSY);
                assert_int_equal(plan_slot_co(m->plan, action.slot), action.co_id);
                memmove(m->queue, m->queue + 1, --m->n * sizeof(m->queue[0]));
                assert_false(m->has_worker[action.co_id]);
                m->has_worker[action.co_id] = 1;
                break;
        case PLAN_RETIRE:
                assert_int_equal(plan_slot_state(m->plan, action.slot), SLOT_RETIRING);
                break;
        case PLAN_KILL:
                assert_true(plan_slot_state(m->plan, action.slot) == SLOT_STARTING ||
                            plan_slot_state(m->plan, action.slot) == SLOT_HEIR ||
                            plan_slot_state(m->plan, action.slot) == SLOT_RETIRING);
                break;
        default:
                fail();
        }
}

/* Carries out everything that is due; returns how much it was. */
static unsigned model_drain(Model *m) {
        unsigned n = 0;
        for (PlanAction action; (action = plan_next(m->plan, m->now)).type != PLAN_NONE; n++) {
                assert_true(n < 1000);
                model_act(m, action);
        }
        return n;
}

static void check_invariants(const Model *m) {
        unsigned sum = 0, with_co = 0;
        int seen[COS + 1] = {0};

        for (SlotState s = 0; s < _SLOT_STATE_MAX; s++)
                sum += plan_count(m->plan, s);
        assert_int_equal(sum, PLAN_SLOTS_MAX);
        for (unsigned slot = 0; slot < MODEL_SLOTS; slot++) {
                int32_t co = plan_slot_co(m->plan, slot);
                SlotState state = plan_slot_state(m->plan, slot);
                if (state == SLOT_BUSY)
                        assert_true(co > 0);
                else if (!plan_slot_is_unsettled(m->plan, slot))
                        assert_int_equal(co, 0);
                if (!co)
                        continue;
                with_co++;
                assert_true(m->has_worker[co]);
                assert_false(seen[co]); /* never two for one CO */
                seen[co] = 1;
        }
        for (int32_t co = 1; co <= COS; co++)
                with_co -= (unsigned) m->has_worker[co];
        assert_int_equal(with_co, 0);
        assert_int_equal(plan_waiting(m->plan), m->n);
        assert_int_equal(plan_has_waiting(m->plan), m->n > 0);
}

/* After everything due is done: nobody idle while somebody waits, and time alone brings the rest.
 */
static void check_quiet(Model *m) {
        usec_t wake = plan_wake(m->plan, m->now);

        if (m->is_online && m->n)
                assert_int_equal(plan_count(m->plan, SLOT_IDLE), 0);
        if (m->is_online && m->n && plan_in_use(m->plan) == 0)
                assert_true(wake != USEC_INFINITY); /* a worker will be tried again */
        assert_true(wake > m->now);
        if (wake != USEC_INFINITY && !draw(m, 4)) {
                m->now = wake - 1;
                assert_int_equal(plan_next(m->plan, m->now).type, PLAN_NONE);
                m->now = wake;
                assert_true(model_drain(m) > 0);
                check_invariants(m);
        }
}

static void random_step(Model *m) {
        uint32_t what = draw(m, 100);

        m->now += draw(m, 3) ? draw(m, 1000) : draw(m, (uint32_t) SEC);
        if (what < 40) {
                model_ready(m, 1 + (int32_t) draw(m, COS));
        } else if (what < 95) {
                model_event(m, draw(m, MODEL_SLOTS));
        } else if (what < 97) {
                m->limits.workers = 1 + draw(m, MODEL_WORKERS);
                plan_set_limits(m->plan, &m->limits);
        } else {
                m->is_online = draw(m, 4) != 0;
                plan_set_online(m->plan, m->is_online);
        }
}

/* Every CO that waits is served once the pool works again, whatever happened before. */
static void finish_all(Model *m) {
        m->is_online = 1;
        plan_set_online(m->plan, 1);
        for (int round = 0; round < 2000 && (m->n || plan_in_use(m->plan)); round++) {
                m->now += SEC;
                model_drain(m);
                for (unsigned slot = 0; slot < MODEL_SLOTS; slot++) {
                        int32_t co = plan_slot_co(m->plan, slot);
                        SlotState state = plan_slot_state(m->plan, slot);
                        if (state == SLOT_BUSY) {
                                plan_turn_over(m->plan, slot, PLAN_TURN_EMPTY, 1, m->now);
                                model_part(m, co, 0);
                        } else if (state == SLOT_STARTING) {
                                plan_ready(m->plan, slot, m->now);
                        } else if (state == SLOT_RETIRING) {
                                plan_gone(m->plan, slot, 0, 0, m->now, 0);
                        } else if (state == SLOT_DYING) {
                                plan_cleared(m->plan, slot, m->now);
                        } else if (state == SLOT_HEIR) {
                                plan_settled(m->plan, slot, m->now);
                                model_part(m, co, 1);
                        }
                }
                check_invariants(m);
        }
        assert_int_equal(m->n, 0);
        assert_int_equal(plan_in_use(m->plan), 0);
}

static Plan *new_plan(const PlanLimits *limits) {
        Plan *plan = NULL;
        assert_int_equal(plan_new(limits, &plan), 0);
        plan_set_online(plan, 1);
        return plan;
}

static void test_random_events(void **state) {
        (void) state;
        for (uint32_t seed = 1; seed <= 20; seed++) {
                Model m = {.limits = {.workers = 4,
                                      .max_jobs_per_worker = 20,
                                      .idle_usec = 5 * SEC,
                                      .start_usec = 3 * SEC},
                           .random = seed,
                           .is_online = 1};
                m.plan = new_plan(&m.limits);
                for (int step = 0; step < 5000; step++) {
                        random_step(&m);
                        check_invariants(&m);
                        if (draw(&m, 3)) {
                                model_drain(&m);
                                check_invariants(&m);
                                check_quiet(&m);
                        }
                }
                finish_all(&m);
                plan_free(m.plan);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random_events),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
