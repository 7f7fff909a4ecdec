#include "stage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "registry-job/plugin.h"
#include "util/log.h"
#include "worker/opening.h"

Stage stage;

static const DbSettings settings = {.conninfo = "", .deadline_usec = USEC_PER_SEC / 10};

usec_t __wrap_clock_now_usec(void);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int64_t __wrap_identity_token(void);
void __wrap_watch_step(Watch *watch);
int __wrap_runner_wait(Runner *runner, unsigned failures);
int __wrap_run_job(Runner *runner, const Job *job, RunResult *ret);
int __wrap_residents_run_first(const Residents *residents);
int __wrap_opening_start_first(Runner *runner, char words[SUMMARY_SIZE]);

usec_t __wrap_clock_now_usec(void) {
        return stage.now_usec++;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left) {
        (void) left;
        stage.now_usec += (usec_t) time->tv_sec * USEC_PER_SEC + (usec_t) time->tv_nsec / 1000;
        return 0;
}

int64_t __wrap_identity_token(void) {
        return ++stage.token;
}

void __wrap_watch_step(Watch *watch) {
        (void) watch;
}

int __wrap_runner_wait(Runner *runner, unsigned failures) {
        (void) runner, (void) failures;
        return ++stage.waits < stage.waits_most;
}

int __wrap_run_job(Runner *runner, const Job *job, RunResult *ret) {
        session_begin(&runner->session);
        stage_begin_job(job->id);
        runner->called[runner->n_called++ % RUNNER_CALLED] = job->id;
        stage.runs++;
        if (stage.on_run)
                return stage.on_run(runner, job, ret);
        *ret = stage_result(JOB_EV_FINISH_OK, "done");
        return 0;
}

int __wrap_residents_run_first(const Residents *residents) {
        (void) residents;
        return !stage.is_down;
}

int __wrap_opening_start_first(Runner *runner, char words[SUMMARY_SIZE]) {
        (void) runner;
        if (stage.is_dead) {
                (void) snprintf(words, SUMMARY_SIZE, "it is being deployed");
                return RESIDENTS_E_DOWN;
        }
        stage.is_down = ++stage.starts <= stage.starts_lost;
        atomic_store(&stage.orders->wishes, stage.meanwhile);
        return 0;
}

void stage_begin_job(int32_t job_id) {
        assert_non_null(orders_begin_job(stage.orders, stage.runner.page, job_id));
        stage.runner.recorder.job_id = job_id;
}

RunResult stage_result(JobEvent event, const char *summary) {
        RunResult result = {.event = event,
                            .status = event == JOB_EV_FINISH_OK ? JOB_COMPLETE : JOB_FAILED,
                            .run_usec = event == JOB_EV_REJECT ? 0 : USEC_PER_MSEC};
        (void) snprintf(result.summary, sizeof(result.summary), "%s", summary);
        return result;
}

void stage_record(int32_t job_id, const char *comment) {
        HistoryRecord record = {.job_id = job_id, .status = RJ_RECORD_OK};

        (void) snprintf(record.comment, sizeof(record.comment), "%s", comment);
        assert_int_equal(recorder_add(&stage.runner.recorder, &record), 0);
}

uint64_t stage_counted(WorkCount count) {
        uint64_t counts[_WORK_MAX];

        status_page_counts(stage.runner.page, counts, _WORK_MAX);
        return counts[count];
}

int stage_open(void **state) {
        Runner *runner = &stage.runner;
        int page_fd = -1, orders_fd = -1;

        (void) state;
        log_set_level(LOG_EMERG);
        stage = (Stage){.now_usec = 1000 * USEC_PER_SEC, .token = 500, .waits_most = 10};
        int r = status_page_new(&runner->page, &page_fd) || orders_new(&stage.orders, &orders_fd);
        closep(&page_fd);
        closep(&orders_fd);
        if (r)
                return -1;
        runner->orders = stage.orders;
        runner->session.settings = &settings;
        runner->holder = (Holder){.host = STAGE_HOST, .pid = STAGE_PID};
        recorder_init(&runner->recorder, runner->page, &runner->session);
        runner->recorder.flushed_usec = stage.now_usec;
        begin_play();
        expect_connection();
        return session_connect(&runner->session);
}

int stage_close(void **state) {
        (void) state;
        session_close(&stage.runner.session);
        stage.runner.page = status_page_free(stage.runner.page);
        stage.orders = orders_free(stage.orders);
        return live_results || connections;
}
