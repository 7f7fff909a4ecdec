/* The life of one job whose program is a resident one. */
#pragma once

#include "exec/exec_model_private.h"

/* As rj_model.run, of a model that belongs to a set of residents. */
int resident_run(const ExecModel *model, struct rj_context *context,
                 char summary[VERDICT_SUMMARY_SIZE]);
