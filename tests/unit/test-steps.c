/*
 * Law 2: every statement that writes the status of a job declares the steps that it takes, takes
 * those, and expects the statuses from which they are legal; and each step of the table in
 * core/job.c is taken by a statement. The statements are found here, among all that are built in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/job_store.h"
#include "db/schema_list.h"
#include "sql-steps.h"

#define FOR_STATES(s) for (JobState s = _JOB_STATE_NONE; s < _JOB_STATE_MAX; s++)
#define FOR_EVENTS(e) for (JobEvent e = 0; e < _JOB_EVENT_MAX; e++)

/* Steps that some statement takes. */
typedef struct Taken {
        int is_taken[_JOB_STATE_MAX][_JOB_EVENT_MAX];
} Taken;

static char problem[400];

#define PROBLEM(...) ((void) snprintf(problem, sizeof(problem), __VA_ARGS__))

static JobEvent event_of(const char *name) {
        FOR_EVENTS(e)
        if (!strcmp(job_event_name(e), name))
                return e;
        return _JOB_EVENT_MAX;
}

/* "A,GO" to the set of states; "" is the state of a row that is not there yet. */
static unsigned states_of(const char *codes) {
        char copy[32], *rest = NULL;
        unsigned states = 0;

        if (!*codes)
                return 1u << _JOB_STATE_NONE;
        (void) snprintf(copy, sizeof(copy), "%s", codes);
        for (char *code = strtok_r(copy, ",", &rest); code; code = strtok_r(NULL, ",", &rest))
                states |= 1u << job_state_parse(code);
        return states;
}

/*
 * The statement with the parameters that its function in db/ gives it for an event. A function that
 * gives statuses to another statement has to be called here.
 */
static const BatchStatement *build_for(const char *name, JobEvent event, Batch *batch) {
        Holder holder = {"host", 1};
        Registration registration = {.plugin = "P.M", .parameters = "", .summary = "", .actor = ""};

        if (!strcmp(name, "job_finish"))
                job_finish_add(batch, 1, event, "", holder, 1);
        if (!strcmp(name, "job_register")) {
                if (event == JOB_EV_REGISTER_HERE)
                        registration.runner = holder;
                job_register_add(batch, &registration);
        }
        return batch->n ? &batch->statements[batch->n - 1] : NULL;
}

static void check_parameter(const BatchStatement *statement, StepValue value,
                            const char *expected) {
        char name[16];

        sql_steps_value(value, name);
        int i = atoi(name + 1) - 1;
        if (!statement || i >= statement->n)
                PROBLEM("%s is a status: tell build_for() in this test where it comes from", name);
        else if (strcmp(statement->values[i], expected))
                PROBLEM("%s is %s, not %s as declared", name, statement->values[i], expected);
}

/* What is declared in one item, against the table, and against parameters. */
static void check_declared(const char *name, const StepDeclared *d, const StepWrite *write,
                           Taken *taken) {
        char expected[JOB_STATES_SIZE], value[16];
        JobEvent event = event_of(d->event);
        JobState to = job_state_parse(d->to);
        unsigned from = states_of(d->from);
        Batch batch = {0};

        if (event == _JOB_EVENT_MAX) {
                PROBLEM("there is no event '%s'", d->event);
                return;
        }
        FOR_STATES(s) {
                if (!(from & 1u << s))
                        continue;
                if (!to || job_next_state(s, event) != to)
                        PROBLEM("core/job.c has no step %s (%s -> %s)", d->event, d->from, d->to);
                taken->is_taken[s][event] = 1;
        }
        const BatchStatement *statement = build_for(name, event, &batch);
        sql_steps_value(write->to, value);
        if (*value == '$')
                check_parameter(statement, write->to, d->to);
        else if (strcmp(value, d->to))
                PROBLEM("writes %s, and declares %s", value, d->to);
        job_states_array(from, expected);
        if (write->from_array.at)
                check_parameter(statement, write->from_array, expected);
        batch_done(&batch);
}

static void check_write(const char *name, const SqlSteps *steps, const StepWrite *write,
                        Taken *taken) {
        unsigned declared = 0, written = write->is_insert ? 1u << _JOB_STATE_NONE : 0;
        char code[16], to[16];

        for (size_t i = 0; i < steps->n_declared; i++) {
                declared |= states_of(steps->declared[i].from);
                check_declared(name, &steps->declared[i], write, taken);
        }
        for (size_t i = 0; i < write->n_from; i++) {
                sql_steps_value(write->from[i], code);
                written |= 1u << job_state_parse(code);
        }
        if (!write->from_array.at && declared != written)
                PROBLEM("expects other statuses than it declares");
        sql_steps_value(write->to, to);
        for (size_t i = 0; i < steps->n_follows; i++) {
                sql_steps_value(steps->follows[i], code);
                if (strcmp(code, to))
                        PROBLEM("writes %s, and calls jobd.follow() with %s", to, code);
        }
}

/* Checks one text; returns what is wrong, or NULL. */
static const char *check_text(const char *name, const char *text, SqlSteps *steps, Taken *taken) {
        problem[0] = '\0';
        sql_steps_read(text, steps);
        if (*steps->problem)
                PROBLEM("%s", steps->problem);
        else if (steps->n_writes > 1)
                PROBLEM("writes statuses in two places");
        else if (steps->n_writes && !steps->n_declared)
                PROBLEM("writes a status without a line '-- step: EVENT (FROM,FROM -> TO)'");
        else if (steps->n_declared && !steps->n_writes)
                PROBLEM("declares a step, and writes no status");
        else if (steps->n_writes)
                check_write(name, steps, &steps->writes[0], taken);
        return *problem ? problem : NULL;
}

static const struct {
        const char *name, *text;
} texts[] = {
#define X(id, name, text) {name, text},
        SQL_LIST(X) SCHEMA_LIST(X)
#undef X
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static void test_statements(void **state) {
        Taken taken = {0};
        SqlSteps steps;
        size_t n = 0;

        (void) state;
        for (size_t i = 0; i < N_TEXTS; i++) {
                const char *wrong = check_text(texts[i].name, texts[i].text, &steps, &taken);
                if (wrong)
                        fail_msg("%s.sql: %s", texts[i].name, wrong);
                n += steps.n_writes;
        }
        assert_in_range(n, 7, N_TEXTS);
        FOR_STATES(s)
        FOR_EVENTS(e)
        if (job_next_state(s, e) && !taken.is_taken[s][e])
                fail_msg("no statement takes the step %s from %s", job_event_name(e),
                         s ? job_state_code(s) : "nothing");
}

/* The text with other words in the place of `value`. The caller's. */
static char *replace(const char *text, StepValue value, const char *by) {
        char *copy = malloc(strlen(text) + strlen(by) + 1);

        assert_non_null(copy);
        size_t before = (size_t) (value.at - text);
        memcpy(copy, text, before);
        (void) strcpy(stpcpy(copy + before, by), value.at + value.length);
        return copy;
}

static void expect_noticed(const char *name, const char *text, StepValue value, const char *by) {
        char *changed = replace(text, value, by);
        Taken taken = {0};
        SqlSteps steps;

        if (!check_text(name, changed, &steps, &taken))
                fail_msg("%s.sql: %s instead of %.*s is not noticed", name, by, (int) value.length,
                         value.at);
        free(changed);
}

/* Every other status in the place of one, and every other parameter. */
static void change_value(const char *name, const char *text, StepValue value) {
        char by[16], own[16];

        sql_steps_value(value, own);
        FOR_STATES(s) {
                if (!s || !strcmp(job_state_code(s), own))
                        continue;
                (void) snprintf(by, sizeof(by), "'%s'", job_state_code(s));
                expect_noticed(name, text, value, by);
        }
        expect_noticed(name, text, value, strcmp(own, "$1") ? "$1" : "$2");
}

static void test_changes_are_noticed(void **state) {
        Taken taken = {0};
        SqlSteps steps;

        (void) state;
        for (size_t i = 0; i < N_TEXTS; i++) {
                const char *name = texts[i].name, *text = texts[i].text;
                assert_null(check_text(name, text, &steps, &taken));
                if (!steps.n_writes)
                        continue;
                StepWrite write = steps.writes[0];
                change_value(name, text, write.to);
                for (size_t k = 0; k < write.n_from; k++)
                        change_value(name, text, write.from[k]);
                if (write.from_array.at)
                        expect_noticed(name, text, write.from_array, "$1");
                StepValue line = {strstr(text, "-- step:"), strlen("-- step:")};
                expect_noticed(name, text, line, "--");
                StepValue arrow = {strstr(line.at, "->"), strlen("-> X")};
                expect_noticed(name, text, arrow, strncmp(arrow.at, "-> Q", 4) ? "-> Q" : "-> GO");
        }
}

static void test_what_is_refused(void **state) {
#define START "-- step: start (A -> GO)\n"
        static const char *const rows[] = {
                "UPDATE jobs SET status = 'GO' WHERE status = 'A'",
                START "SELECT 1",
                START "UPDATE public.jobs j SET status = 'GO' WHERE j.id = 1",
                START "UPDATE public.jobs j SET status = 'GO'",
                START "UPDATE public.jobs j SET status = 'GO' WHERE j.status = 'A' OR j.id = 1",
                START "UPDATE public.jobs j SET status = 'GO' WHERE NOT j.status = 'A'",
                START "UPDATE public.jobs j SET status = 'GO' WHERE j.status <> 'A'",
                START "UPDATE public.jobs j SET status = 'GO' FROM o WHERE o.status = 'A'",
                START "UPDATE public.jobs j SET status = upper('go') WHERE j.status = 'A'",
                START "UPDATE jobs SET (id, status) = (1, 'GO') WHERE status = 'A'",
                START "update only jobs set status = 'GO' where status in ('A', 'Q')",
                START "MERGE INTO jobs j USING x ON x.id = j.id WHEN MATCHED THEN DO NOTHING",
                START "INSERT INTO jobs (id, status) VALUES (1, 'GO')",
                START "INSERT INTO jobs VALUES (1, 'GO')",
                "-- step: started (A -> GO)\nUPDATE jobs SET status = 'GO' WHERE status = 'A'",
                "-- step: start A -> GO\nUPDATE jobs SET status = 'GO' WHERE status = 'A'",
                "-- step: start (A -> GO), assign (Q -> A)\n"
                "UPDATE jobs SET status = 'GO' WHERE status = 'A'",
                START "WITH a AS (UPDATE jobs SET status = 'GO' WHERE status = 'A' RETURNING id) "
                      "SELECT jobd.follow(a.id, 'X') FROM a",
                START "WITH a AS (UPDATE jobs SET status = 'GO' WHERE status = 'A' RETURNING id) "
                      "SELECT jobd.follow_on(a.id, 'X', true) FROM a",
                "-- step: register (-> Q)\nINSERT INTO jobs (id, status) SELECT 1, 'A'",
        };
        static const char *const right[] = {
                START "UPDATE jobs SET id = 1, status = 'GO' WHERE id = 2 AND status = 'A'",
                START "update only public.jobs as j set status='GO' from o where o.status in ('A')"
                      " and j.status=o.status returning j.id",
                "-- step: register (-> Q)\nINSERT INTO jobs (id, status) VALUES (f(1, 2), 'Q')",
                "SELECT j.status FROM public.jobs j WHERE j.status = 'A' FOR UPDATE",
                "UPDATE public.jobs j SET percent_complete = 1 WHERE j.status = 'GO'",
                "UPDATE jobd.lane SET status = 'GO'",
        };
        Taken taken = {0};
        SqlSteps steps;

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (!check_text("text", rows[i], &steps, &taken))
                        fail_msg("not refused: %s", rows[i]);
        for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
                if (check_text("text", right[i], &steps, &taken))
                        fail_msg("refused: %s: %s", right[i], problem);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_statements),
                                           cmocka_unit_test(test_changes_are_noticed),
                                           cmocka_unit_test(test_what_is_refused)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
