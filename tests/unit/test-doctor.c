/* What doctor thinks of what it is told: levels, limits and remedies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/doctor.h"
#include "util/text.h"

static const DoctorServer well = {.version = "15.8",
                                  .role = "jobd",
                                  .database = "registry",
                                  .synchronous_commit = "on",
                                  .has_autovacuum = 1,
                                  .connections = 20,
                                  .connections_max = 97};

static int setup(void **state) {
        *state = calloc(1, sizeof(DoctorReport));
        return *state ? 0 : -1;
}

static int teardown(void **state) {
        free(*state);
        return 0;
}

/* The only finding of that check; everything that is not ok says what to do. */
static const Finding *find(const DoctorReport *report, const char *check) {
        const Finding *found = NULL;
        for (size_t i = 0; i < report->n; i++) {
                const Finding *f = &report->findings[i];
                assert_true((f->level == DOCTOR_OK) == !*f->remedy);
                if (strcmp(f->check, check) != 0)
                        continue;
                assert_null(found);
                found = f;
        }
        assert_non_null(found);
        return found;
}

static void expect(DoctorReport *report, const char *check, DoctorLevel level, const char *words) {
        const Finding *f = find(report, check);
        assert_int_equal(f->level, level);
        assert_non_null(strstr(f->text, words));
        memset(report, 0, sizeof(*report));
}

static void test_server(void **state) {
        DoctorReport *r = *state;
        DoctorServer s = well;

        doctor_server(r, &s);
        assert_int_equal(doctor_worst(r), DOCTOR_OK);
        expect(r, "connection", DOCTOR_OK, "15.8");
        s.is_standby = 1;
        doctor_server(r, &s);
        expect(r, "connection", DOCTOR_ERROR, "standby");
}

static void test_settings(void **state) {
        DoctorReport *r = *state;
        DoctorServer s = well;

        s.is_read_only = 1;
        doctor_server(r, &s);
        expect(r, "settings", DOCTOR_ERROR, "read_only");
        s = well;
        s.synchronous_commit = "off";
        doctor_server(r, &s);
        assert_non_null(strstr(find(r, "settings")->remedy, "ALTER ROLE jobd"));
        expect(r, "settings", DOCTOR_WARNING, "synchronous_commit");
        s.synchronous_commit = "remote_apply";
        doctor_server(r, &s);
        expect(r, "settings", DOCTOR_OK, "none");
        s = well;
        s.has_autovacuum = 0;
        doctor_server(r, &s);
        expect(r, "settings", DOCTOR_WARNING, "autovacuum");
}

static void test_load(void **state) {
        static const struct {
                int64_t connections, notifications, live, dead;
                const char *check;
                DoctorLevel level;
        } rows[] = {
                {87, 0, 0, 0, "connections", DOCTOR_OK},
                {88, 0, 0, 0, "connections", DOCTOR_WARNING},
                {1, 10, 0, 0, "notifications", DOCTOR_OK},
                {1, 11, 0, 0, "notifications", DOCTOR_WARNING},
                {1, 0, 0, 9999, "dead rows", DOCTOR_OK},
                {1, 0, 0, 10000, "dead rows", DOCTOR_WARNING},
                {1, 0, 2000, 10000, "dead rows", DOCTOR_OK},
                {1, 0, 2000, 10001, "dead rows", DOCTOR_WARNING},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                DoctorServer s = well;
                s.connections = rows[i].connections;
                s.notifications = rows[i].notifications;
                s.queue_live = rows[i].live;
                s.queue_dead = rows[i].dead;
                doctor_server(*state, &s);
                expect(*state, rows[i].check, rows[i].level, "");
        }
}

static void test_pooler(void **state) {
        DoctorReport *r = *state;

        doctor_pooler(r, 0, 0);
        expect(r, "pooler", DOCTOR_OK, "none");
        doctor_pooler(r, 1, 1);
        expect(r, "pooler", DOCTOR_ERROR, "transaction mode");
        doctor_pooler(r, 1, 0);
        expect(r, "pooler", DOCTOR_NOTICE, "session mode");
}

static void test_clock(void **state) {
        static const struct {
                int64_t ahead, uncertainty;
                DoctorLevel level;
                const char *words;
        } rows[] = {
                {2000000, 0, DOCTOR_OK, "2.000 s ahead of"},
                {2000001, 0, DOCTOR_WARNING, "ahead of"},
                {-2000001, 0, DOCTOR_WARNING, "2.000 s behind"},
                {-3000000, 1000000, DOCTOR_OK, "give or take 1.000 s"},
                {-3000001, 1000000, DOCTOR_WARNING, "behind"},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                doctor_clock(*state, rows[i].ahead, rows[i].uncertainty);
                expect(*state, "clock", rows[i].level, rows[i].words);
        }
}

static void test_transactions(void **state) {
        DoctorReport *r = *state;

        doctor_transactions(r, 0, NULL, 0);
        expect(r, "transactions", DOCTOR_OK, "none");
        doctor_transactions(r, 600, "PID 4, dump", 0);
        expect(r, "transactions", DOCTOR_OK, "10 min: PID 4, dump");
        doctor_transactions(r, 601, "PID 4, dump", 0);
        expect(r, "transactions", DOCTOR_WARNING, "PID 4, dump");
        doctor_transactions(r, 0, NULL, 3);
        expect(r, "transactions", DOCTOR_NOTICE, "3 sessions");
        doctor_transactions(r, 601, "PID 4, dump", 3);
        assert_int_equal(r->n, 2);
}

static void test_schema(void **state) {
        DoctorReport *r = *state;

        doctor_schema(r, 3, 3);
        expect(r, "schema", DOCTOR_OK, "version 3");
        doctor_schema(r, 0, 3);
        expect(r, "schema", DOCTOR_ERROR, "not installed");
        doctor_schema(r, 2, 3);
        expect(r, "schema", DOCTOR_ERROR, "needs 3");
        doctor_schema(r, 4, 3);
        expect(r, "schema", DOCTOR_ERROR, "knows 3 only");
        doctor_trigger(r, "jobd_insert", 1);
        expect(r, "triggers", DOCTOR_ERROR, "disabled");
        doctor_trigger(r, "jobd_insert", 0);
        expect(r, "triggers", DOCTOR_ERROR, "missing");
        doctor_right(r, "jobd", "SELECT on jobd.lane", 0);
        assert_non_null(strstr(find(r, "rights")->remedy, "TO jobd"));
        expect(r, "rights", DOCTOR_ERROR, "jobd lacks SELECT on jobd.lane");
        doctor_right(r, "jobd", "SELECT on public.groups", 1);
        expect(r, "rights", DOCTOR_NOTICE, "NesterJob");
}

static void test_queue(void **state) {
        DoctorReport *r = *state;

        doctor_queue(r, 0, 0, 5, 0); /* without a daemon nobody makes anything ready */
        expect(r, "queue", DOCTOR_OK, "");
        doctor_queue(r, 0, 0, 5, 1);
        expect(r, "queue", DOCTOR_WARNING, "5 jobs fell due");
        doctor_queue(r, 2, 0, 0, 1);
        expect(r, "queue", DOCTOR_ERROR, "2 queued jobs");
        doctor_queue(r, 0, 3, 0, 0);
        expect(r, "queue", DOCTOR_WARNING, "3 rows");
}

static void test_supervisors(void **state) {
        DoctorReport *r = *state;
        DoctorSupervisor s = {.is_daemon = 1,
                              .host = "h1",
                              .pid = 7,
                              .lease = 30,
                              .seen_ago = 31,
                              .has_lapsed = 1,
                              .lanes = 2};

        doctor_supervisor(r, &s, 0);
        assert_non_null(strstr(find(r, "supervisors")->remedy, "start a daemon"));
        expect(r, "supervisors", DOCTOR_WARNING,
               "31 s ago, with a lease of 30 s; it holds 2 lanes");
        s.has_lapsed = s.is_daemon = 0;
        doctor_supervisor(r, &s, 1);
        expect(r, "supervisors", DOCTOR_WARNING, "the command on h1, PID 7, is gone");
        s.is_alive = 1;
        doctor_supervisor(r, &s, 1);
        assert_int_equal(r->n, 0);
        doctor_daemons(r, 0, 0);
        expect(r, "daemons", DOCTOR_WARNING, "no daemon");
        doctor_daemons(r, 2, 8);
        expect(r, "daemons", DOCTOR_OK, "2 with 8 workers");
}

static void test_holders(void **state) {
        DoctorReport *r = *state;
        DoctorHolder h = {.id = 61,
                          .co_id = 3,
                          .state = JOB_IN_PROGRESS,
                          .host = "php-1",
                          .pid = 9,
                          .since = 0,
                          .now = 240};

        doctor_holder(r, &h);
        assert_non_null(strstr(find(r, "holders")->remedy, "registry-job settle 61"));
        expect(r, "holders", DOCTOR_WARNING,
               "job 61 of CO 3 is in progress on php-1, PID 9, since 00:00:00 UTC (4 min), and "
               "nobody of ours has it; no daemon of ours is known on that host");
        h.daemons = 1;
        doctor_holder(r, &h);
        expect(r, "holders", DOCTOR_WARNING, "a daemon of ours is known on that host");
        h.is_here = 1;
        doctor_holder(r, &h);
        expect(r, "holders", DOCTOR_WARNING, "there is no such process on this host");
        h.process = "php";
        doctor_holder(r, &h);
        assert_non_null(strstr(find(r, "holders")->remedy, "--force"));
        expect(r, "holders", DOCTOR_WARNING, "that PID is 'php' now");
        h.host = NULL;
        doctor_holder(r, &h);
        expect(r, "holders", DOCTOR_WARNING, "unknown host");
}

static void test_lanes(void **state) {
        DoctorReport *r = *state;
        DoctorLane l = {.co_id = 2, .host = "h1", .pid = 7, .idle_s = 60};

        doctor_lane(r, &l);
        assert_int_equal(r->n, 0);
        l.idle_s = 61;
        doctor_lane(r, &l);
        expect(r, "lanes", DOCTOR_WARNING, "nothing has run for 61 s");
        l.idle_s = 0;
        l.stalled_job = 5;
        l.stalled_s = 700;
        doctor_lane(r, &l);
        expect(r, "stalled", DOCTOR_WARNING, "job 5 of CO 2 on h1, PID 7");
}

static void test_full_report(void **state) {
        DoctorReport *r = *state;

        for (int i = 0; i < DOCTOR_FINDINGS_MAX; i++)
                doctor_add(r, DOCTOR_NOTICE, "x", "y", "%d", i);
        doctor_add(r, DOCTOR_ERROR, "x", "y", "one too many");
        doctor_add(r, DOCTOR_NOTICE, "x", "y", "two too many");
        assert_int_equal(r->n, DOCTOR_FINDINGS_MAX);
        assert_int_equal(doctor_worst(r), DOCTOR_ERROR);
        assert_string_equal(r->findings[r->n - 1].check, "more");
}

/* Hosts come from a row that anybody may have written; a cut must not leave half a character. */
static void test_hostile_host(void **state) {
        DoctorReport *r = *state;
        char host[600] = "x";

        for (size_t i = 1; i + 2 < sizeof(host); i += 2)
                memcpy(host + i, "\xc3\xbc", 3);
        DoctorLane l = {.co_id = 2, .host = host, .pid = 7, .idle_s = 61};
        doctor_lane(r, &l);
        const Finding *f = find(r, "lanes");
        assert_true(text_is_utf8(f->text, strlen(f->text)));
        assert_true(text_is_utf8(f->remedy, strlen(f->remedy)));
}

static void test_names(void **state) {
        (void) state;
        assert_string_equal(doctor_level_name(DOCTOR_OK), "ok");
        assert_string_equal(doctor_level_name(DOCTOR_ERROR), "error");
        assert_null(doctor_level_name(_DOCTOR_LEVEL_MAX));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_server),  T(test_settings),     T(test_load),   T(test_pooler),
                T(test_clock),   T(test_transactions), T(test_schema), T(test_queue),
                T(test_holders), T(test_supervisors),  T(test_lanes),  T(test_full_report),
                T(test_names),   T(test_hostile_host),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
