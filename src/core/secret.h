/*
 * Which parameters of a job are secret, and how parameters may be shown. What cannot be known
 * counts as secret: every value of a model that is not known here, and values under names that a
 * model with secret parameters does not declare, because such a name may be a misspelled one.
 */
#pragma once

#include "registry-job/plugin.h"

/* 1 when the model declares a secret parameter, or is NULL: not known. */
int secret_is_possible(const struct rj_model *model);

/* 1 when the value of the parameter must not be shown. `model` may be NULL. */
int secret_has_name(const struct rj_model *model, const char *name);

/*
 * Stored parameters as they may be shown: "(secret)" stands for the value of a secret parameter,
 * "(hidden)" for one that may be secret. Text that is no JSON object is "(hidden)" where a secret
 * is possible. A new string, or NULL without memory.
 */
char *secret_hide(const char *json, const struct rj_model *model);
