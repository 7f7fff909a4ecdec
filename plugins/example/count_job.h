/* CountJob: takes `count` steps, each with a pause and history records if wanted. */
#pragma once

#include "registry-job/plugin.h"

extern const struct rj_param_desc count_job_params[];

int count_job_run(struct rj_context *ctx);
