/* The life of one job whose model is an external program. */
#pragma once

#include "registry-job/plugin.h"

/* rj_model.run; rj_model.data is the ExecModel. */
int exec_run(struct rj_context *context);
