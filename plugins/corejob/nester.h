/* NesterJob: nests a group in another, as the Registry's job of that name does. */
#pragma once

#include "registry-job/plugin.h"

extern const struct rj_param_desc nester_params[];

int nester_run(struct rj_context *ctx);
