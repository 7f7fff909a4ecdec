/*
 * SecretJob has secret parameters of every kind. It says how long its token is, never what it is,
 * and then ends or waits: tests look for the token wherever it must not be.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "registry-job/plugin.h"

static const char *const modes[] = {"one", "two", NULL};
static const char *const ends[] = {"ok", "fail", "wait", NULL};

static const struct rj_param_desc params[] = {
        {.name = "token",
         .type = RJ_PARAM_STRING,
         .flags = RJ_PARAM_REQUIRED | RJ_PARAM_SECRET,
         .help = "the secret"},
        {.name = "pin", .type = RJ_PARAM_INT, .flags = RJ_PARAM_SECRET},
        {.name = "flag", .type = RJ_PARAM_BOOL, .flags = RJ_PARAM_SECRET},
        {.name = "mode", .type = RJ_PARAM_SELECT, .flags = RJ_PARAM_SECRET, .choices = modes},
        {.name = "group_id", .type = RJ_PARAM_FK, .flags = RJ_PARAM_SECRET},
        {.name = "end", .type = RJ_PARAM_SELECT, .choices = ends},
        {.name = "tag", .type = RJ_PARAM_STRING},
        {0},
};

static int run_secret(struct rj_context *ctx) {
        const struct rj_host *host = ctx->host;
        const char *end = host->param_string(ctx, "end", "ok");
        struct rj_record record = {.struct_size = sizeof(record), .status = RJ_RECORD_OK};
        char text[64];

        (void) snprintf(text, sizeof(text), "a token of %zu bytes",
                        strlen(host->param_string(ctx, "token", "")));
        record.key = "token";
        record.comment = text;
        int r = host->record(ctx, &record);
        while (!r && !strcmp(end, "wait") && !rj_canceled(ctx))
                (void) usleep(10000);
        if (!r)
                r = host->summary(ctx, text);
        return r || strcmp(end, "fail") ? r : RJ_FAILED;
}

static const struct rj_model models[] = {
        {.name = "SecretJob", .summary = "keeps a secret", .params = params, .run = run_secret},
        {0},
};

const struct rj_plugin *registry_job_plugin_v1(void) {
        static const struct rj_plugin plugin = {RJ_PLUGIN_INIT, .name = "Secret", .version = "1.0",
                                                .models = models};
        return &plugin;
}
