#include "callers.h"

#include <string.h>

int callers_call_all(struct rj_context *ctx) {
        const struct rj_record record = {
                .struct_size = sizeof(record), .status = RJ_RECORD_NOTICE, .key = CALLERS_WORDS};
        const struct rj_host *host = ctx->host;

        host->log(ctx, 6, CALLERS_WORDS);
        return (host->summary(ctx, CALLERS_WORDS) != RJ_E_INVALID) +
               (host->record(ctx, &record) != RJ_E_INVALID) +
               (host->progress(ctx, 99, 100) != RJ_E_INVALID) +
               (host->start_summary(ctx, CALLERS_WORDS) != RJ_E_INVALID) + (host->db(ctx) != NULL) +
               (host->param_string(ctx, "act", NULL) != NULL) + host->param_given(ctx, "act") +
               (strcmp(host->param_json(ctx), "{}") != 0);
}
