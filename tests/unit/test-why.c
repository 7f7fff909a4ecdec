/* Why a job does not run: every reason, and which of two is the more fundamental one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/why.h"

#define NOW INT64_C(1786000000) /* 2026-08-06 07:06:40 UTC */
#define DAEMON .daemons = 1, .workers = 4, .busy = 1
#define ALIVE \
        { .id = 3, .is_alive = 1 }
#define LAPSED \
        { .id = 3, .has_lapsed = 1, .seen_ago = 95 }
#define GONE \
        { .id = 3, .seen_ago = 2 }
#define LANE .holder_host = "h1", .holder_pid = 7, .holder_since = NOW - 50
#define RUNS .host = "h1", .pid = 7, .modified = NOW - 130, .started = NOW - 240, .has_lane = 1

/* What is the same in every case, unless the case says otherwise. */
static WhyFacts complete(WhyFacts f) {
        f.id = 42;
        f.now = NOW;
        f.co_id = 2;
        f.plugin = "P.Job";
        if (!f.co_status)
                f.co_status = "A";
        int64_t *times[] = {&f.start_after,  &f.started,      &f.finished,      &f.modified,
                            &f.stalled,      &f.holder_since, &f.running_since, &f.refused_since,
                            &f.retry_at,     &f.ready_since,  &f.hold.since,    &f.hold.until,
                            &f.trouble_since};
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
                if (!*times[i])
                        *times[i] = WHEN_NEVER;
        return f;
}

static const struct {
        WhyReason reason;
        WhyFacts facts;
        const char *sentence;
} cases[] = {
        {WHY_NO_JOB, {0}, "there is no job 42"},
        {WHY_ARCHIVE,
         {.is_there = 1, .archive_of = 7, .state = JOB_QUEUED, DAEMON},
         "job 42 is not a job, but an archive copy of job 7"},
        {WHY_DELETED, {.is_there = 1, .is_deleted = 1, .state = JOB_QUEUED}, "job 42 was deleted"},
        {WHY_NO_STATUS,
         {.is_there = 1},
         "job 42 has a status that the Registry does not know; nobody runs it"},
        {WHY_COMPLETE,
         {.is_there = 1,
          .state = JOB_COMPLETE,
          .finished = NOW - 240,
          .summary = "3 done",
          .successor = 50},
         "job 42 completed at 07:02:40 UTC (4 min ago): 3 done; it was queued again as job 50"},
        {WHY_FAILED,
         {.is_there = 1, .state = JOB_FAILED, .finished = NOW - 86400, .summary = ""},
         "job 42 failed at 2026-08-05 07:06:40 UTC (24 h ago): it has no summary; registry-job log "
         "42 "
         "shows all that is known, registry-job retry 42 queues it again"},
        {WHY_FAILED,
         {.is_there = 1,
          .state = JOB_FAILED,
          .finished = NOW - 5,
          .summary = "no LDAP",
          .successor = 50},
         "job 42 failed at 07:06:35 UTC (5 s ago): no LDAP; it was queued again as job 50; "
         "registry-job log 42 shows all that is known"},
        {WHY_CANCELED,
         {.is_there = 1, .state = JOB_CANCELED, .finished = NOW - 5, .actor = "alice"},
         "job 42 was canceled by alice at 07:06:35 UTC (5 s ago)"},
        {WHY_CANCELED,
         {.is_there = 1, .state = JOB_CANCELED, .actor = "", .running = 43, .holder = ALIVE},
         "job 42 was canceled"},
        {WHY_STOPPING,
         {.is_there = 1,
          .state = JOB_CANCELED,
          .finished = NOW - 5,
          .actor = "alice",
          .running = 42,
          .holder = ALIVE,
          RUNS},
         "job 42 was canceled by alice at 07:06:35 UTC (5 s ago); its plugin has not stopped yet, "
         "it runs on h1, PID 7, since 07:02:40 UTC (4 min)"},
        {WHY_RUNNING,
         {.is_there = 1, .state = JOB_IN_PROGRESS, .percent = 40, .holder = ALIVE, RUNS, DAEMON},
         "job 42 is running on h1, PID 7, since 07:02:40 UTC (4 min), at 40 %, plugin P.Job"},
        {WHY_RUNNING,
         {.is_there = 1,
          .state = JOB_IN_PROGRESS,
          .percent = -1,
          .host = "h1",
          .pid = 7,
          .started = NOW - 10,
          .command = ALIVE},
         "job 42 is running on h1, PID 7, since 07:06:30 UTC (10 s), plugin P.Job, in the "
         "foreground of registry-job -s"},
        {WHY_STARTING,
         {.is_there = 1,
          .state = JOB_ASSIGNED,
          .host = "h1",
          .pid = 7,
          .modified = NOW - 1,
          .has_lane = 1,
          .holder = ALIVE,
          DAEMON},
         "job 42 is assigned and about to start on h1, PID 7, since 07:06:39 UTC (1 s), plugin "
         "P.Job"},
        {WHY_STALLED,
         {.is_there = 1,
          .state = JOB_IN_PROGRESS,
          .percent = -1,
          .holder = ALIVE,
          .stalled = NOW - 700,
          RUNS,
          DAEMON},
         "job 42 is running on h1, PID 7, since 07:02:40 UTC (4 min), plugin P.Job; it has shown "
         "no sign of life since 06:55:00 UTC (11 min)"},
        {WHY_RUNNER_LAPSED,
         {.is_there = 1, .state = JOB_IN_PROGRESS, .holder = LAPSED, RUNS},
         "job 42 is in progress on h1, PID 7, since 07:02:40 UTC (4 min), whose supervisor was "
         "last seen 95 s ago; what it left is settled as soon as a daemon is started"},
        {WHY_RUNNER_LAPSED,
         {.is_there = 1, .state = JOB_ASSIGNED, .holder = GONE, RUNS, DAEMON},
         "job 42 is assigned on h1, PID 7, since 07:02:40 UTC (4 min), whose supervisor is gone; "
         "the next sweep of a daemon settles what it left"},
        {WHY_RUNNER_LAPSED,
         {.is_there = 1, .state = JOB_ASSIGNED, .host = "h1", .pid = 7, .command = GONE, DAEMON},
         "job 42 is assigned on h1, PID 7, whose supervisor is gone; the next sweep of a daemon "
         "settles what it left"},
        {WHY_FOREIGN,
         {.is_there = 1,
          .state = JOB_IN_PROGRESS,
          .host = "php-1",
          .pid = 9,
          .started = NOW - 3 * 86400,
          .holder = ALIVE,
          DAEMON},
         "job 42 is in progress under a runner of another system on php-1, PID 9, since 2026-08-03 "
         "07:06:40 UTC (3 days); no daemon changes it: see registry-job doctor and registry-job "
         "settle 42"},
        {WHY_FOREIGN,
         {.is_there = 1, .state = JOB_ASSIGNED},
         "job 42 is assigned under a runner of another system on an unknown host, PID 0; no daemon "
         "changes it: see registry-job doctor and registry-job settle 42"},
        /* Not due, suspended, no daemon, and not in the queue: the first of them it is. */
        {WHY_NOT_DUE,
         {.is_there = 1, .state = JOB_QUEUED, .start_after = NOW + 240, .co_status = "S"},
         "job 42 is not due until 07:10:40 UTC (in 4 min)"},
        {WHY_CO_GONE,
         {.is_there = 1, .state = JOB_QUEUED, .co_status = "-", DAEMON},
         "job 42 does not start, because its CO 2 does not exist, or was deleted"},
        {WHY_CO_SUSPENDED,
         {.is_there = 1, .state = JOB_QUEUED, .co_status = "S", .start_after = NOW},
         "job 42 does not start, because its CO 2 is suspended"},
        {WHY_CO_TEMPLATE,
         {.is_there = 1, .state = JOB_QUEUED, .co_status = "T", DAEMON},
         "job 42 does not start, because its CO 2 is a template"},
        {WHY_CO_INACTIVE,
         {.is_there = 1, .state = JOB_QUEUED, .co_status = "", DAEMON},
         "job 42 does not start, because its CO 2 is not active"},
        {WHY_NO_DAEMON,
         {.is_there = 1, .state = JOB_QUEUED, .holder = LAPSED, .ahead = 1, .head = 40},
         "job 42 does not start, because no daemon is running; 1 job of its CO waits before it"},
        {WHY_NOT_IN_QUEUE,
         {.is_there = 1, .state = JOB_QUEUED, .has_triggers = 1, DAEMON},
         "job 42 does not start, because it is missing in jobd.queue: see registry-job doctor"},
        {WHY_NOT_IN_QUEUE,
         {.is_there = 1, .state = JOB_QUEUED, DAEMON},
         "job 42 does not start, because it is missing in jobd.queue, and triggers jobd_* on "
         "public.jobs are missing or disabled: see registry-job doctor"},
        {WHY_LANE_LAPSED,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .holder = LAPSED,
          LANE,
          DAEMON,
          .running = 40,
          .running_state = JOB_IN_PROGRESS},
         "job 42 waits for its CO's lane, which is held on h1, PID 7, since 07:05:50 UTC (50 s), "
         "whose supervisor was last seen 95 s ago; the next sweep of a daemon settles what it "
         "left"},
        {WHY_BEHIND_RUNNING,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .holder = ALIVE,
          LANE,
          .running = 40,
          .running_state = JOB_IN_PROGRESS,
          .running_since = NOW - 20,
          .ahead = 2,
          .head = 41},
         "job 42 waits behind job 40 of its CO, which runs on h1, PID 7, since 07:06:20 UTC "
         "(20 s); 2 jobs of its CO wait before it"},
        {WHY_BEHIND_STOPPING,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .holder = ALIVE,
          LANE,
          DAEMON,
          .running = 40,
          .running_state = JOB_CANCELED,
          .running_since = NOW - 20},
         "job 42 waits behind job 40 of its CO, which was canceled, but whose plugin has not "
         "stopped yet, and runs on h1, PID 7, since 07:06:20 UTC (20 s)"},
        {WHY_REFUSED,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .daemons = 1,
          .workers = 1,
          .busy = 1,
          .refused = 42,
          .refusals = 1,
          .refused_words = "integer out of range",
          .refused_since = NOW - 1,
          .retry_at = NOW},
         "job 42 does not start, because the database refuses to assign it since 07:06:39 UTC "
         "(1 s), tried 1 time, next at 07:06:40 UTC: integer out of range; put that right, or "
         "registry-job cancel 42"},
        {WHY_BEHIND_REFUSED,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .ahead = 1,
          .head = 40,
          .refused = 40,
          .refusals = 7,
          .refused_since = NOW - 240,
          .retry_at = NOW + 20,
          DAEMON},
         "job 42 waits for its turn: job 40 comes first, which the database refuses to assign "
         "since 07:02:40 UTC (4 min), tried 7 times, next at 07:07:00 UTC: ; put that right, or "
         "registry-job cancel 40"},
        {WHY_NO_MODEL,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .missing_model = "CoreJob.SyncJob",
          DAEMON},
         "job 42 does not start, because no daemon provides CoreJob.SyncJob; it waits until its "
         "plugin is loaded ([plugins] load), its program configured ([exec]) or its Registry "
         "([registry]), and the daemon reloaded, or until registry-job cancel 42"},
        {WHY_NO_MODEL,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .missing_model = "CoreJob.SyncJob",
          .problem = "the Registry at /srv/registry does not start: it called exit()",
          DAEMON},
         "job 42 does not start, because no daemon provides CoreJob.SyncJob: the Registry at "
         "/srv/registry does not start: it called exit(); it waits until that is mended, or until "
         "registry-job cancel 42"},
        {WHY_BEHIND_NO_MODEL,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .daemons = 1,
          .workers = 1,
          .busy = 1,
          .ahead = 2,
          .head = 40,
          .missing_model = "CoreJob.SyncJob"},
         "job 42 waits for its turn: job 40 comes first, and no daemon provides its model "
         "CoreJob.SyncJob; it waits until its plugin is loaded ([plugins] load), its program "
         "configured ([exec]) or its Registry ([registry]), and the daemon reloaded, or until "
         "registry-job cancel 40"},
        {WHY_POOL_FULL,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .daemons = 2,
          .workers = 8,
          .busy = 8,
          .ahead = 1001,
          .head = 3},
         "job 42 waits for a worker: all workers (8, of 2 daemons) are busy with other COs; more "
         "than 1000 "
         "jobs of its CO wait before it"},
        {WHY_POOL_FULL,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .daemons = 3,
          .others = 2,
          .workers = 4,
          .busy = 4},
         "job 42 waits for a worker: all workers (4, of 1 daemon that provides its model) are busy "
         "with other COs"},
        {WHY_BEHIND_WAITING,
         {.is_there = 1, .state = JOB_QUEUED, .is_in_queue = 1, .ahead = 2, .head = 40, DAEMON},
         "job 42 waits for its turn: job 40 comes first; 2 jobs of its CO wait before it"},
        {WHY_LANE_HELD,
         {.is_there = 1, .state = JOB_QUEUED, .is_in_queue = 1, .holder = ALIVE, LANE, DAEMON},
         "job 42 starts within moments: its CO's lane is held by a worker between two jobs on h1, "
         "PID 7, since 07:05:50 UTC (50 s)"},
        {WHY_READY,
         {.is_there = 1, .state = JOB_QUEUED, .is_in_queue = 1, .start_after = NOW, DAEMON},
         "job 42 is ready and starts within moments"},
        {WHY_HELD,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .hold = {1, 2, "", "the LDAP server moves", "ada", NOW - 240, NOW + 600}},
         "job 42 does not start, because CO 2 is held since 07:02:40 UTC (4 min) by ada, until "
         "07:16:40 UTC: the LDAP server moves; registry-job release -c 2 ends that hold"},
        {WHY_HELD,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .ahead = 3,
          .head = 40,
          .hold = {1, 0, "", "", "ada", NOW - 5, 0},
          DAEMON},
         "job 42 does not start, because everything is held since 07:06:35 UTC (5 s) by ada; "
         "registry-job release -c all ends that hold"},
        {WHY_BEHIND_HELD,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .ahead = 1,
          .head = 40,
          .hold = {1, 2, "CoreJob.SyncJob", "", "ada", NOW - 5, 0},
          DAEMON},
         "job 42 waits for its turn: job 40 comes first, and model CoreJob.SyncJob is held in CO 2 "
         "since 07:06:35 UTC (5 s) by ada; registry-job release -c 2 --model CoreJob.SyncJob ends "
         "that hold"},
        {WHY_DATABASE,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .silent = 20,
          .trouble = "no space left on device",
          .trouble_host = "h1",
          .trouble_since = NOW - 50,
          DAEMON},
         "job 42 waits for the database: no daemon could renew its lease for 20 s; the log of the "
         "daemon says why; the daemon on h1 says since 07:05:50 UTC (50 s): no space left on "
         "device"},
        {WHY_STUCK,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .is_stuck = 1,
          .ready_since = NOW - 240,
          DAEMON},
         "job 42 has been ready since 07:02:40 UTC (4 min): its CO's lane is free and so are "
         "workers, and none takes it; registry-job doctor and journalctl -t registry-jobd -p "
         "warning say more"},
        {WHY_BEHIND_STUCK,
         {.is_there = 1,
          .state = JOB_QUEUED,
          .is_in_queue = 1,
          .is_stuck = 1,
          .ahead = 1,
          .head = 40,
          .ready_since = NOW - 240,
          .trouble = "password authentication failed",
          .trouble_host = "h1",
          .trouble_since = NOW - 50,
          DAEMON},
         "job 42 waits for its turn: job 40 comes first, which has been ready since 07:02:40 UTC "
         "(4 min): its CO's lane is free and so are workers, and none takes it; the daemon on h1 "
         "says since 07:05:50 UTC (50 s): password authentication failed; registry-job doctor and "
         "journalctl -t registry-jobd -p warning say more"},
};

static void test_sentences(void **state) {
        uint64_t seen = 0;
        WhyAnswer answer;

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                WhyFacts facts = complete(cases[i].facts);
                why_decide(&facts, &answer);
                assert_string_equal(answer.sentence, cases[i].sentence);
                assert_int_equal(answer.reason, cases[i].reason);
                seen |= UINT64_C(1) << answer.reason;
        }
        assert_true(seen == (UINT64_C(1) << _WHY_REASON_MAX) - 1); /* every reason has a case */
}

/* Only what nothing explains, and only after a while. */
static void test_suspicion(void **state) {
        WhyAnswer answer;
        WhyFacts facts = complete((WhyFacts){.is_there = 1,
                                             .state = JOB_QUEUED,
                                             .is_in_queue = 1,
                                             .ready_since = NOW - 31,
                                             DAEMON});

        (void) state;
        why_decide(&facts, &answer);
        assert_true(why_is_suspicious(&facts, &answer));
        facts.ready_since = NOW - 30;
        assert_false(why_is_suspicious(&facts, &answer));
        facts.ready_since = WHEN_NEVER;
        assert_false(why_is_suspicious(&facts, &answer));
        facts.ready_since = NOW - 31;
        facts.busy = facts.workers;
        why_decide(&facts, &answer);
        assert_false(why_is_suspicious(&facts, &answer));
}

static void test_words(void **state) {
        (void) state;
        for (unsigned i = 0; i < _WHY_REASON_MAX; i++) {
                assert_non_null(why_word(i));
                for (unsigned k = 0; k < i; k++)
                        assert_string_not_equal(why_word(i), why_word(k));
        }
        assert_null(why_word(_WHY_REASON_MAX));
}

static void test_ids(void **state) {
        WhyAnswer answer;
        WhyFacts facts = complete((WhyFacts){.is_there = 1,
                                             .state = JOB_QUEUED,
                                             .is_in_queue = 1,
                                             .holder = ALIVE,
                                             LANE,
                                             .running = 40,
                                             .running_state = JOB_IN_PROGRESS,
                                             .running_since = NOW - 20});
        (void) state;
        why_decide(&facts, &answer);
        assert_int_equal(answer.behind, 40);
        assert_int_equal(answer.pid, 7);
        assert_string_equal(answer.host, "h1");
        assert_int_equal(answer.since, NOW - 20);
}

static void test_long_texts(void **state) {
        char text[2 * WHY_SENTENCE_SIZE];
        WhyAnswer answer;

        (void) state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        WhyFacts facts = complete((WhyFacts){.is_there = 1, .state = JOB_FAILED, .summary = text});
        why_decide(&facts, &answer);
        assert_true(strlen(answer.sentence) < WHY_SENTENCE_SIZE);
}

static void test_when(void **state) {
        static const struct {
                int64_t at;
                const char *iso;
        } rows[] = {
                {0, "1970-01-01T00:00:00Z"},
                {-1, "1969-12-31T23:59:59Z"},
                {951782400, "2000-02-29T00:00:00Z"},
                {1786000000, "2026-08-06T07:06:40Z"},
                {4107542399, "2100-02-28T23:59:59Z"},
                {4107542400, "2100-03-01T00:00:00Z"},
                {INT64_C(253402300799), "9999-12-31T23:59:59Z"},
                {INT64_C(-62135596800), "0001-01-01T00:00:00Z"},
                {WHEN_NEVER, ""},
        };
        static const struct {
                int64_t seconds;
                const char *text;
        } spans[] = {{-5, "0 s"},      {99, "99 s"},  {100, "1 min"},      {240, "4 min"},
                     {5999, "99 min"}, {6000, "1 h"}, {47 * 3600, "47 h"}, {48 * 3600, "2 days"}};
        char text[WHEN_SIZE];

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                when_iso(rows[i].at, text);
                assert_string_equal(text, rows[i].iso);
        }
        for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
                when_span(spans[i].seconds, text);
                assert_string_equal(text, spans[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sentences),  cmocka_unit_test(test_suspicion),
                cmocka_unit_test(test_words),      cmocka_unit_test(test_ids),
                cmocka_unit_test(test_long_texts), cmocka_unit_test(test_when),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
