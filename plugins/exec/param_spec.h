/* The value of a line "parameter.NAME = ...", as a row of the model's parameter table. */
#pragma once

#include "registry-job/plugin.h"

#define PARAM_SPEC_E_INVALID 1

/* What param_spec_parse() takes, for messages. */
#define PARAM_SPEC_ACCEPTED                                                                  \
        "bool, integer, string, select(a,b,c), fk or fk(table), followed by 'required' and " \
        "'secret' as need be"

/*
 * Returns 0 with `ret` filled in, to be given to param_spec_done(); PARAM_SPEC_E_INVALID, or
 * -ENOMEM.
 */
int param_spec_parse(const char *name, const char *value, struct rj_param_desc *ret);

void param_spec_done(struct rj_param_desc *desc);
