/*
 * As exec_run(), for a program that is no job: it has no messages, no environment of a job, and may
 * not fill the log.
 */
#include "exec/exec_tell.h"

#include <stdio.h>

#include "exec/environment.h"
#include "exec/exec_model_private.h"
#include "exec/one_shot.h"
#include "exec/relay.h"

#define LINE_BYTES ((size_t) 4096) /* of a longer line the rest is dropped */

static int reach_verdict(OneShot *shot, const Relay *relay, int status,
                         char words[VERDICT_SUMMARY_SIZE]) {
        const EndFacts facts = {.reason = shot->ending.reason,
                                .status = status,
                                .path = shot->model->argv[0],
                                .timeout = shot->model->timeout,
                                .summary = "",
                                .last_line = last_lines_end(&relay->errors)};

        return verdict_reach(&facts, words);
}

int exec_tell(const ExecModel *model, struct rj_context *context, const char *text,
              char words[VERDICT_SUMMARY_SIZE]) {
        Relay relay = {.context = context, .limits = {.logged_lines = EXEC_TOLD_LINES_MAX}};
        _cleanup_(one_shot_done)
                OneShot shot = {.model = model,
                                .program = PROGRAM_INIT,
                                .output = {.on_line = relay_errors, .userdata = &relay},
                                .errors = {.on_line = relay_errors, .userdata = &relay}};
        _cleanup_(environment_freep) char **environment = environment_new(
                NULL, 0, 0, getenv("HOME"), model->environment, model->n_environment);
        int status;

        if (one_shot_start(&shot, environment, text, LINE_BYTES, words, VERDICT_SUMMARY_SIZE))
                return RJ_FAILED;
        int r = one_shot_finish(&shot, one_shot_watch(&shot, context), &status);
        relay_finish(&relay);
        if (!r)
                return reach_verdict(&shot, &relay, status, words);
        (void) snprintf(words, VERDICT_SUMMARY_SIZE, "'%.150s' could not be waited for",
                        model->argv[0]);
        return RJ_FAILED;
}
