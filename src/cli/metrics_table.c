/* A new count needs a row here and its place in registry-job(1). */
#include "cli/metrics_table.h"

#include "util/macro.h"

#define WORK(id) .is_work = 1, .count = WORK_##id
#define OWN(id) .count = COUNT_##id
#define SINGLE(id) .n = 1, .series = {{OWN(id)}}

const MetricsGauge metrics_of_cos[] = {
        {"registry_jobd_queue_waiting_jobs", "Jobs of the CO that are queued, due or not.",
         "waiting"},
        {"registry_jobd_queue_due_jobs", "Jobs of the CO that are queued and due.", "due"},
        {"registry_jobd_queue_oldest_due_age_seconds",
         "Time since when the oldest due job of the CO has been due.", "age"},
        {"registry_jobd_running_jobs", "1 while a worker serves the CO.", "running"},
        {"registry_jobd_running_job_percent",
         "How much of the running job of the CO is done, as its plugin says.", "percent_complete"},
        {"registry_jobd_stalled_jobs", "1 while the running job of the CO shows no sign of life.",
         "stalled"},
        {"registry_jobd_stopping_jobs",
         "1 while a canceled job of the CO has not stopped for a minute.", "stopping"},
        {"registry_jobd_co_held", "1 while the first due job of the CO is held.", "held"},
        {"registry_jobd_chains_ended",
         "Periodic jobs of the CO that failed for good in the last 30 days, and that nobody has "
         "tried again.",
         "chains_ended"},
        {"registry_jobd_co_active", "1 for an active CO; the jobs of others wait.", "active"},
};
const size_t metrics_n_of_cos = ARRAY_SIZE(metrics_of_cos);

const MetricsModel metrics_of_models[] = {
        {"registry_jobd_model_jobs_total", "counter",
         "Jobs of the model that a worker ran, in all COs, by final status.", .n = 3,
         .series = {{"complete", "complete"}, {"failed", "failed"}, {"canceled", "canceled"}}},
        {"registry_jobd_model_last_success_timestamp_seconds", "gauge",
         "When a job of the model was last complete, in seconds since 1970.", .n = 1,
         .series = {{NULL, "last_complete"}}},
        {"registry_jobd_model_failures_in_a_row", "gauge",
         "Jobs of the model that failed in a row, in the active CO with most of them.", .n = 1,
         .series = {{NULL, "in_a_row"}}},
};
const size_t metrics_n_of_models = ARRAY_SIZE(metrics_of_models);

const MetricsGuess metrics_guesses[METRICS_GUESSES] = {
        {"registry_jobd_running_job_percent_per_hour",
         "How fast the running job of the CO has been since its start.", 0},
        {"registry_jobd_running_job_left_seconds",
         "What the running job of the CO will still need if it goes on as it has.", 1},
};

const MetricsGauge metrics_of_supervisors[] = {
        {"registry_jobd_supervisor_workers", "Workers that can be at work at the same time.",
         "workers"},
        {"registry_jobd_supervisor_busy_workers", "Workers that serve a CO.", "busy"},
        {"registry_jobd_supervisor_trouble", "1 while something is in the way of its workers.",
         "trouble"},
        {"registry_jobd_supervisor_lease_seconds",
         "What is left of the supervisor's lease by the database's clock; below 0 for long: it is "
         "dead.",
         "lease_left"},
        {"registry_jobd_supervisor_start_time_seconds",
         "When the supervisor registered with the database, in seconds since 1970.", "started"},
        {"registry_jobd_supervisor_seen_age_seconds",
         "Time since the last sign of life of the supervisor, by the database's clock.",
         "seen_ago"},
        {"registry_jobd_supervisor_renewals",
         "Changes whenever the supervisor shows a sign of life, whatever the clocks say.",
         "renewals"},
};
const size_t metrics_n_of_supervisors = ARRAY_SIZE(metrics_of_supervisors);

const MetricsCounter metrics_counters[] = {
        {"registry_jobd_jobs_finished_total",
         "Jobs that workers of the supervisor ended, by final status.", .n = 3,
         .series = {{"status=\"complete\"", WORK(COMPLETE)},
                    {"status=\"failed\"", WORK(FAILED)},
                    {"status=\"canceled\"", WORK(CANCELED)}}},
        {"registry_jobd_jobs_settled_total",
         "Jobs that were ended because their worker, or a whole supervisor, had died.", .n = 4,
         .series = {{"of=\"worker\",status=\"failed\"", OWN(SETTLED_WORKER)},
                    {"of=\"worker\",status=\"canceled\"", OWN(CANCELED_WORKER)},
                    {"of=\"supervisor\",status=\"failed\"", OWN(SETTLED_PEER)},
                    {"of=\"supervisor\",status=\"canceled\"", OWN(CANCELED_PEER)}}},
        {"registry_jobd_cancels_total", "Cancels that were passed on to a running job.",
         SINGLE(CANCELS)},
        {"registry_jobd_workers_started_total", "Workers that were forked.",
         SINGLE(WORKERS_STARTED)},
        {"registry_jobd_workers_died_total", "Workers that died by themselves.",
         SINGLE(WORKERS_DIED)},
        {"registry_jobd_workers_killed_total",
         "Workers that were killed at work: cancel, limit, deadline, lease or shutdown.",
         SINGLE(WORKERS_KILLED)},
        {"registry_jobd_workers_gave_up_total",
         "Workers that ended because their connection to the database failed or was lost.",
         SINGLE(WORKERS_GAVE_UP)},
        {"registry_jobd_workers_replaced_total",
         "Workers that were replaced: they had run their number of jobs, a plugin had left "
         "something behind in them, or the database had been away.",
         SINGLE(WORKERS_REPLACED)},
        {"registry_jobd_notifications_total", "Notifications that were received from the database.",
         .n = 3,
         .series = {{"type=\"queued\"", OWN(HEARD_QUEUED)},
                    {"type=\"delayed\"", OWN(HEARD_DELAYED)},
                    {"type=\"cancel\"", OWN(HEARD_CANCEL)}}},
        {"registry_jobd_queue_looks_total",
         "Times that the queue was read: by the sweep, by the timer for the next start, or "
         "otherwise.",
         .n = 3,
         .series = {{"by=\"sweep\"", OWN(LOOKS_SWEEP)},
                    {"by=\"timer\"", OWN(LOOKS_TIMER)},
                    {"by=\"other\"", OWN(LOOKS_OTHER)}}},
        {"registry_jobd_database_reconnects_total",
         "Times that the connection to the database was opened again.", SINGLE(RECONNECTS)},
        {"registry_jobd_lease_losses_total",
         "Times that the lease was not renewed in time (lapsed), or that others had already "
         "taken the supervisor for dead (lost).",
         .n = 2,
         .series = {{"how=\"lapsed\"", OWN(LEASE_LAPSED)}, {"how=\"lost\"", OWN(LEASE_LOST)}}},
        {"registry_jobd_history_records_lost_total",
         "History records of dead workers that could not be written.", SINGLE(RECORDS_LOST)},
};
const size_t metrics_n_counters = ARRAY_SIZE(metrics_counters);

const MetricsHistogram metrics_histograms[] = {
        {"registry_jobd_job_run_seconds", "Time that jobs spent in their plugins.", .first = 0,
         .buckets = WORK_RUN, .sum = WORK_RUN_USEC, .unit = 1e-6},
        {"registry_jobd_job_wait_seconds",
         "Time from when jobs were due to their claim by a worker, in whole seconds.",
         .first = HISTOGRAM_SECOND, .buckets = WORK_WAIT, .sum = WORK_WAIT_SEC, .unit = 1},
};
const size_t metrics_n_histograms = ARRAY_SIZE(metrics_histograms);
