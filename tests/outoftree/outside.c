/* A plugin of somebody else's: built against what was installed, and nothing else. */
#include <registry-job/plugin.h>

static int run(struct rj_context *context) {
        return context->host->summary(context, "hello from outside");
}

static const struct rj_model models[] = {
        {.name = "HelloJob", .summary = "says hello", .run = run},
        {0},
};

static const struct rj_plugin plugin = {
        RJ_PLUGIN_INIT,
        .name = "Outside",
        .version = "1.0",
        .models = models,
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        return &plugin;
}
