/*
 * A job whose program is started for it: parameters on its standard input, messages on its standard
 * output. How it is run is in one_shot.c, what its end means in verdict.c.
 */
#include "exec/exec_run.h"

#include <stdio.h>

#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/one_shot.h"
#include "exec/relay.h"
#include "exec/resident_run.h"

/* Returns 0, or RJ_FAILED with the reason in `why`. */
static int start_run(OneShot *shot, struct rj_context *context, char *why, size_t size) {
        const ExecModel *model = shot->model;
        _cleanup_(environment_freep) char **environment =
                environment_new(model->name, context->job_id, context->co_id, getenv("HOME"),
                                model->environment, model->n_environment);

        return one_shot_start(shot, environment, context->host->param_json(context),
                              model->limits.line_bytes, why, size);
}

/* `r` is what one_shot_watch() returned. */
static int conclude_run(OneShot *shot, Relay *relay, int r, char summary[VERDICT_SUMMARY_SIZE]) {
        EndFacts facts = {.path = shot->model->argv[0],
                          .limits = shot->model->limits,
                          .timeout = shot->model->timeout,
                          .summary = relay->summary};

        r = one_shot_finish(shot, r, &facts.status);
        relay_finish(relay);
        if (r < 0)
                return r;
        if (r && shot->ending.reason == END_ITSELF)
                shot->ending.reason = r == RELAY_E_LONG ? END_LONG_MESSAGE : END_MANY_MESSAGES;
        facts.reason = shot->ending.reason;
        return relay_judge(relay, &facts, summary);
}

static int run_program(struct rj_context *context, char summary[VERDICT_SUMMARY_SIZE]) {
        const ExecModel *model = context->model->data;
        Relay relay = {.context = context, .limits = model->limits};
        _cleanup_(one_shot_done)
                OneShot shot = {.model = model,
                                .program = PROGRAM_INIT,
                                .output = {.on_line = relay_output, .userdata = &relay},
                                .errors = {.on_line = relay_errors, .userdata = &relay}};

        int r = start_run(&shot, context, summary, VERDICT_SUMMARY_SIZE);
        if (!r)
                r = conclude_run(&shot, &relay, one_shot_watch(&shot, context), summary);
        return r;
}

int exec_run(struct rj_context *context) {
        const ExecModel *model = context->model->data;
        char summary[VERDICT_SUMMARY_SIZE] = "canceled";
        int code = rj_canceled(context) ? RJ_CANCELED
                   : model->is_resident ? resident_run(model, context, summary)
                                        : run_program(context, summary);

        if (code < 0 || !*summary)
                return code;
        int r = context->host->summary(context, summary);
        return r < 0 ? r : code;
}
