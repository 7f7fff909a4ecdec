/*
 * NesterJob without a server: PQexecParams() plays a script, in which each step names the statement
 * that has to come next and what is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "nester.h"
#include "people.h"
#include "registry-job/plugin.h"
#include "util/macro.h"

#define COLUMNS_MAX 8

typedef struct Step {
        const char *statement; /* NULL ends the script */
        const char *rows;      /* columns end with '|', rows with '\n' */
        const char *sqlstate;  /* not NULL: an error; "" is one that the server did not send */
        const char *message;
} Step;

typedef struct Fake {
        struct rj_context context; /* the first member: host functions get a pointer to it */
        int64_t group_id, target_group_id;
        int negate;
        int has_no_db;
        uint64_t cancel_at; /* progress that sets the cancel word */
        int record_result;
        uint32_t control;

        uint64_t done, total;
        size_t records, linked, notices;
        char start_summary[600], summary[600], first_key[64], first_comment[300];
} Fake;

static struct {
        const Step *next;
        const Step *last; /* whose error PQresultErrorField() tells */
        char list[2000];  /* the last array */
        int is_committed;
} script;

PGresult *__wrap_PQexecParams(PGconn *conn, const char *command, int n_params, const Oid *types,
                              const char *const *values, const int *lengths, const int *formats,
                              int result_format);
char *__wrap_PQresultErrorField(const PGresult *result, int field);
ConnStatusType __wrap_PQstatus(const PGconn *conn);

static PGresult *make_result(const char *rows) {
        static char column[] = "c";
        PGresAttDesc columns[COLUMNS_MAX];
        PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

        for (size_t i = 0; i < COLUMNS_MAX; i++)
                columns[i] = (PGresAttDesc){.name = column};
        assert_true(PQsetResultAttrs(result, COLUMNS_MAX, columns));
        for (int row = 0; rows && *rows; row++, rows++)
                for (int i = 0; *rows != '\n'; i++) {
                        int n = (int) strcspn(rows, "|");
                        assert_true(PQsetvalue(result, row, i, (char *) rows, n));
                        rows += n + 1;
                }
        return result;
}

PGresult *__wrap_PQexecParams(PGconn *conn, const char *command, int n_params, const Oid *types,
                              const char *const *values, const int *lengths, const int *formats,
                              int result_format) {
        char name[64];

        (void) conn, (void) types, (void) lengths, (void) formats, (void) result_format;
        assert_int_equal(sscanf(command, "-- name: %63s", name), 1);
        assert_non_null(script.next->statement);
        assert_string_equal(name, script.next->statement);
        script.last = script.next++;
        if (n_params && *values[n_params - 1] == '{')
                (void) snprintf(script.list, sizeof(script.list), "%s", values[n_params - 1]);
        if (script.last->sqlstate)
                return PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
        script.is_committed = script.is_committed || !strcmp(name, "nesting_commit");
        return make_result(script.last->rows);
}

char *__wrap_PQresultErrorField(const PGresult *result, int field) {
        (void) result;
        if (field == PG_DIAG_SQLSTATE)
                return (char *) script.last->sqlstate;
        return (char *) (script.last->message ? script.last->message : "it went wrong");
}

ConnStatusType __wrap_PQstatus(const PGconn *conn) {
        (void) conn;
        return script.last->sqlstate && !*script.last->sqlstate ? CONNECTION_BAD : CONNECTION_OK;
}

static Fake *fake_of(const struct rj_context *ctx) {
        return (Fake *) ctx;
}

static int64_t fake_int(const struct rj_context *ctx, const char *name, int64_t otherwise) {
        (void) otherwise;
        return strcmp(name, "group_id") ? fake_of(ctx)->target_group_id : fake_of(ctx)->group_id;
}

static int fake_bool(const struct rj_context *ctx, const char *name, int otherwise) {
        (void) name;
        (void) otherwise;
        return fake_of(ctx)->negate;
}

static int fake_progress(struct rj_context *ctx, uint64_t done, uint64_t total) {
        Fake *fake = fake_of(ctx);

        fake->done = done;
        fake->total = total;
        if (done == fake->cancel_at)
                fake->control = RJ_CONTROL_CANCEL;
        return 0;
}

static int fake_record(struct rj_context *ctx, const struct rj_record *record) {
        Fake *fake = fake_of(ctx);

        assert_true(script.is_committed);
        assert_int_equal(record->struct_size, sizeof(*record));
        if (!fake->records++) {
                (void) snprintf(fake->first_key, sizeof(fake->first_key), "%s", record->key);
                (void) snprintf(fake->first_comment, sizeof(fake->first_comment), "%s",
                                record->comment);
        }
        fake->linked += record->person_id != 0;
        fake->notices += record->status == RJ_RECORD_NOTICE;
        return fake->record_result;
}

static int fake_start_summary(struct rj_context *ctx, const char *text) {
        (void) snprintf(fake_of(ctx)->start_summary, sizeof(fake_of(ctx)->start_summary), "%s",
                        text);
        return 0;
}

static int fake_summary(struct rj_context *ctx, const char *text) {
        (void) snprintf(fake_of(ctx)->summary, sizeof(fake_of(ctx)->summary), "%s", text);
        return 0;
}

static void *fake_db(struct rj_context *ctx) {
        return fake_of(ctx)->has_no_db ? NULL : ctx; /* nobody looks inside */
}

static const struct rj_host host = {
        .struct_size = sizeof(struct rj_host),
        .param_int = fake_int,
        .param_bool = fake_bool,
        .progress = fake_progress,
        .record = fake_record,
        .start_summary = fake_start_summary,
        .summary = fake_summary,
        .db = fake_db,
};

static Fake fake_new(void) {
        return (Fake){.context = {.host = &host, .job_id = 148, .co_id = 3},
                      .group_id = 14,
                      .target_group_id = 15,
                      .cancel_at = UINT64_MAX};
}

/* Runs the job, which has to come exactly to the end of the script. */
static int run(Fake *fake, const Step *steps) {
        static const Step nothing = {0};

        fake->context.control = &fake->control;
        script.next = steps ? steps : &nothing;
        script.last = &nothing;
        script.is_committed = 0;
        int r = nester_run(&fake->context);
        assert_null(script.next->statement);
        assert_true(strlen(fake->summary) <= 256);
        return r;
}

#define STEP(name) \
        { .statement = (name) }
#define ANSWER(name, text) \
        { .statement = (name), .rows = (text) }
#define ERROR(name, state, text) \
        { .statement = (name), .sqlstate = (state), .message = (text) }

#define STAFF ANSWER("group_lock", "3|1|1|0|Staff|\n")
#define RESEARCHERS ANSWER("group_lock", "3|1|1|0|Researchers|\n")
#define BEGIN STEP("nesting_begin"), STEP("nesting_lock"), STAFF, RESEARCHERS
#define NO_NESTINGS STEP("nesting_find"), ANSWER("nesting_above", "0|0|\n")
#define ADD_ROW ANSWER("nesting_add", "9|\n")
#define FIND ANSWER("members_find", "101|\n102|\n105|\n")
#define ADD ANSWER("members_add", "101|\n105|\n")
#define ROLLBACK STEP("nesting_rollback")

static void test_nests(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN, NO_NESTINGS, ADD_ROW, FIND, ADD, STEP("nesting_commit"), {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_OK);
        assert_string_equal(fake.start_summary,
                            "nesting group 'Staff' (14) in group 'Researchers' (15)");
        assert_string_equal(
                fake.summary,
                "nested group 'Staff' (14) in group 'Researchers' (15): 2 people added");
        assert_int_equal(fake.done, 3);
        assert_int_equal(fake.total, 3);
        assert_int_equal(fake.records, 2);
        assert_int_equal(fake.linked, 2);
        assert_string_equal(fake.first_key, "group 15 person 101");
        assert_string_equal(fake.first_comment, "added to group 'Researchers' through nesting 9");
}

static void test_nests_negated(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN,
                NO_NESTINGS,
                ADD_ROW,
                FIND,
                ANSWER("members_remove", "101|\n"),
                STEP("nesting_commit"),
                {0},
        };
        Fake fake = fake_new();

        fake.negate = 1;
        assert_int_equal(run(&fake, steps), RJ_OK);
        assert_string_equal(
                fake.summary,
                "nested group 'Staff' (14) negated in group 'Researchers' (15): 1 person removed");
        assert_string_equal(fake.first_comment,
                            "removed from group 'Researchers' through negated nesting 9");
}

static void test_tells_of_groups_above(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN,   STEP("nesting_find"), ANSWER("nesting_above", "2|0|\n"),
                ADD_ROW, STEP("members_find"), STEP("nesting_commit"),
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_OK);
        assert_int_equal(fake.notices, 1);
        assert_string_equal(
                fake.first_comment,
                "group 'Researchers' (15) is itself nested in other groups (2), whose members "
                "were not changed");
}

static void test_refuses_ids_that_cannot_be(void **state) {
        (void) state;
        static const struct {
                int64_t group_id, target_group_id;
                const char *summary;
        } cases[] = {
                {0, 15, "there is no group 0"},
                {-5, 15, "there is no group -5"},
                {14, 4294967311, "there is no group 4294967311"},
                {14, 14, "group 14 cannot be nested in itself"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Fake fake = fake_new();
                fake.group_id = cases[i].group_id;
                fake.target_group_id = cases[i].target_group_id;
                assert_int_equal(run(&fake, NULL), RJ_FAILED);
                assert_string_equal(fake.summary, cases[i].summary);
        }
}

static void test_refuses_a_group_that_is_not_there(void **state) {
        (void) state;
        static const Step steps[] = {
                STEP("nesting_begin"),
                STEP("nesting_lock"),
                STAFF,
                STEP("group_lock"),
                ROLLBACK,
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_FAILED);
        assert_string_equal(fake.summary, "there is no group 15");
}

static void test_refuses_groups(void **state) {
        (void) state;
        static const struct {
                const char *group, *target, *summary;
        } cases[] = {
                {"4|1|1|0|Secret|\n", "3|1|1|0|B|\n", "group 14 belongs to another CO"},
                {"3|1|1|0|A|\n", "2|0|0|0|Secret|\n", "group 15 belongs to another CO"},
                {"3|0|1|0|A|\n", "3|1|1|0|B|\n", "group 'A' (14) is not active"},
                {"3|1|1|0|A|\n", "3|0|1|0|B|\n", "group 'B' (15) is not active"},
                {"3|1|0|0|A|\n", "3|1|0|0|CO:members:all|\n",
                 "group 'CO:members:all' (15) is automatic: its members are computed by the "
                 "Registry, and nothing can be nested in it"},
                {"3|1|1|0|A|\n", "3|1|1|1|B|\n",
                 "group 'B' (15) takes only members of all its nested groups, which this job does "
                 "not compute"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const Step steps[] = {
                        STEP("nesting_begin"),
                        STEP("nesting_lock"),
                        ANSWER("group_lock", cases[i].group),
                        ANSWER("group_lock", cases[i].target),
                        ROLLBACK,
                        {0},
                };
                Fake fake = fake_new();
                assert_int_equal(run(&fake, steps), RJ_FAILED);
                assert_string_equal(fake.summary, cases[i].summary);
        }
}

static void test_refuses_what_is_nested_already(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN,
                ANSWER("nesting_find", "7|\n"),
                ROLLBACK,
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_FAILED);
        assert_string_equal(fake.summary, "group 'Staff' (14) is already nested in group "
                                          "'Researchers' (15), by nesting 7");
}

static void test_refuses_a_loop(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN, STEP("nesting_find"), ANSWER("nesting_above", "2|1|\n"), ROLLBACK, {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_FAILED);
        assert_string_equal(fake.summary,
                            "this would be a loop: group 'Researchers' (15) is itself nested in "
                            "group 'Staff' (14), directly or through other groups");
}

static void test_works_in_batches(void **state) {
        (void) state;
        char rows[250 * 8], *end = rows;
        for (int i = 0; i < 250; i++)
                end += sprintf(end, "%d|\n", 1000 + i);
        const Step steps[] = {
                BEGIN,
                NO_NESTINGS,
                ADD_ROW,
                ANSWER("members_find", rows),
                STEP("members_add"),
                ANSWER("members_add", "1100|\n1199|\n"),
                ANSWER("members_add", "1249|\n"),
                STEP("nesting_commit"),
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_OK);
        assert_int_equal(fake.done, 250);
        assert_int_equal(fake.total, 250);
        assert_int_equal(fake.records, 3);
        assert_string_equal(fake.first_key, "group 15 person 1100");
        assert_int_equal(strncmp(script.list, "{1200,1201,", 11), 0);
        assert_string_equal(strrchr(script.list, ','), ",1249}");
}

static void test_cancel_changes_nothing(void **state) {
        (void) state;
        static const Step after_a_batch[] = {
                BEGIN, NO_NESTINGS, ADD_ROW, FIND, ADD, ROLLBACK, {0},
        };
        Fake fake = fake_new();

        fake.cancel_at = 3;
        assert_int_equal(run(&fake, after_a_batch), RJ_CANCELED);
        assert_string_equal(fake.summary, "canceled, nothing was changed");
        assert_int_equal(fake.records, 0);
        assert_int_equal(run(&fake, NULL), RJ_CANCELED); /* the word stays */
}

static void test_tries_again_after_a_deadlock(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN,
                NO_NESTINGS,
                ADD_ROW,
                FIND,
                ERROR("members_add", "40P01", "deadlock detected"),
                ROLLBACK,
                BEGIN,
                NO_NESTINGS,
                ADD_ROW,
                FIND,
                ADD,
                ERROR("nesting_commit", "40001", NULL),
                BEGIN,
                NO_NESTINGS,
                ADD_ROW,
                FIND,
                ADD,
                STEP("nesting_commit"),
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_OK);
        assert_int_equal(fake.records, 2); /* of the last try only */
}

#define DEADLOCK                                     \
        STEP("nesting_begin"), STEP("nesting_lock"), \
                ERROR("group_lock", "40P01", "deadlock detected"), ROLLBACK

static void test_gives_up_after_the_third_retry(void **state) {
        (void) state;
        static const Step steps[] = {DEADLOCK, DEADLOCK, DEADLOCK, DEADLOCK, {0}};
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_FAILED);
        assert_string_equal(fake.summary, "database error: deadlock detected");
}

static void test_tells_what_the_server_said(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN,
                NO_NESTINGS,
                ERROR("nesting_add", "42501", "no <rights> here\nsecond line"),
                ROLLBACK,
                {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, steps), RJ_FAILED);
        assert_string_equal(fake.summary, "database error: no (rights) here");
}

static void test_lost_connection(void **state) {
        (void) state;
        static const Step not_begun[] = {ERROR("nesting_begin", "", NULL), {0}};
        static const Step ended_by_server[] = {
                BEGIN,
                ERROR("nesting_find", "57P01", NULL),
                ROLLBACK,
                {0},
        };
        static const Step commit[] = {
                BEGIN, NO_NESTINGS, ADD_ROW, FIND, ADD, ERROR("nesting_commit", "", NULL), {0},
        };
        Fake fake = fake_new();

        assert_int_equal(run(&fake, not_begun), RJ_E_LOST);
        assert_int_equal(run(&fake, ended_by_server), RJ_E_LOST);
        assert_int_equal(run(&fake, commit), RJ_E_LOST);
        assert_string_equal(fake.summary, "lost in the commit: see whether nesting 9 is there");
        assert_int_equal(fake.records, 0);
        fake.has_no_db = 1;
        assert_int_equal(run(&fake, NULL), RJ_E_LOST);
}

static void test_passes_on_errors_of_the_host(void **state) {
        (void) state;
        static const Step steps[] = {
                BEGIN, NO_NESTINGS, ADD_ROW, FIND, ADD, STEP("nesting_commit"), {0},
        };
        Fake fake = fake_new();

        fake.record_result = RJ_E_FATAL;
        assert_int_equal(run(&fake, steps), RJ_E_FATAL);
        assert_int_equal(fake.records, 1);
}

static void test_people_grow(void **state) {
        (void) state;
        People people = {0};

        for (int32_t i = 0; i < 1000; i++)
                assert_int_equal(people_add(&people, i), 0);
        assert_int_equal(people.n, 1000);
        assert_int_equal(people.ids[999], 999);
        people_clear(&people);
        assert_int_equal(people.n, 0);
        people_done(&people);
        assert_null(people.ids);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nests),
                cmocka_unit_test(test_nests_negated),
                cmocka_unit_test(test_tells_of_groups_above),
                cmocka_unit_test(test_refuses_ids_that_cannot_be),
                cmocka_unit_test(test_refuses_a_group_that_is_not_there),
                cmocka_unit_test(test_refuses_groups),
                cmocka_unit_test(test_refuses_what_is_nested_already),
                cmocka_unit_test(test_refuses_a_loop),
                cmocka_unit_test(test_works_in_batches),
                cmocka_unit_test(test_cancel_changes_nothing),
                cmocka_unit_test(test_tries_again_after_a_deadlock),
                cmocka_unit_test(test_gives_up_after_the_third_retry),
                cmocka_unit_test(test_tells_what_the_server_said),
                cmocka_unit_test(test_lost_connection),
                cmocka_unit_test(test_passes_on_errors_of_the_host),
                cmocka_unit_test(test_people_grow),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
