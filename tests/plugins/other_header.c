/*
 * A plugin that was built with another version of the header. Its second parameter and its second
 * model are found with its own strides; what its structs have more is not nothing.
 */
#include <string.h>

#include "registry-job/plugin.h"

static const struct rj_param_desc params[] = {
        {.name = "tag", .type = RJ_PARAM_STRING, .help = "free text; tells equal jobs apart"},
        {.name = "key",
         .type = RJ_PARAM_STRING,
         .flags = RJ_PARAM_REQUIRED,
         .help = "of the record"},
        {0},
};

static int run_record(struct rj_context *ctx) {
        struct rj_record record;

        memset(&record, 0x5a, sizeof(record));
        record.struct_size = sizeof(record);
        record.status = RJ_RECORD_OK;
        record.key = ctx->host->param_string(ctx, "key", NULL);
        record.comment = "of " NAME;
        record.person_id = 0;
        record.external_identity_id = 0;
        return ctx->host->record(ctx, &record);
}

static int run_nothing(struct rj_context *ctx) {
        (void) ctx;
        return RJ_OK;
}

static const struct rj_model models[] = {
        {.name = "NoopJob", .summary = "does nothing", .run = run_nothing},
        {.name = "RecordJob", .summary = "writes a record", .params = params, .run = run_record},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = NAME, .version = "1.0",
                                                .models = models};
        return &plugin;
}
