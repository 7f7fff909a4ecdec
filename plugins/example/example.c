/*
 * The sample of registry-job-plugin(3). NoopJob is the smallest job there can be; CountJob shows
 * parameters, progress, history records and cancel, and ends in every way that a test of the
 * daemon needs.
 */
#include "count_job.h"
#include "registry-job/plugin.h"

static int run_noop(struct rj_context *ctx) {
        (void) ctx;
        return RJ_OK;
}

static const struct rj_param_desc noop_params[] = {
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "free text; tells equal jobs apart"},
        {0},
};

static const struct rj_model models[] = {
        {.name = "NoopJob", .summary = "does nothing", .params = noop_params, .run = run_noop},
        {.name = "CountJob",
         .summary = "counts, and ends as it is told",
         .params = count_job_params,
         .run = count_job_run},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = "Example", .version = "1.0",
                                                .models = models};
        return &plugin;
}
