/* The models of the Registry's CoreJob plugin that run without PHP. */
#include "nester.h"
#include "registry-job/plugin.h"

static const struct rj_model models[] = {
        {.name = "NesterJob",
         .summary = "makes the members of one group members of another",
         .params = nester_params,
         .run = nester_run},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = "CoreJob", .version = "1.0",
                                                .models = models};
        return &plugin;
}
