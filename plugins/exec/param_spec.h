/* Reads the type of a parameter, such as "select(a,b) required", into a row for the host. */
#pragma once

#include <stddef.h>

#include "registry-job/plugin.h"

#define PARAM_SPEC_E_INVALID 1

/* What param_spec_parse() accepts, for messages. */
#define PARAM_SPEC_ACCEPTED                                                                  \
        "bool, integer, string, select(a,b,c), fk or fk(table), followed by 'required' and " \
        "'secret' as need be"

/*
 * Reads the type `value` of the parameter `name`. Returns 0 with a row that the caller gives to
 * param_spec_done(); PARAM_SPEC_E_INVALID for another text; or -ENOMEM.
 */
int param_spec_parse(const char *name, const char *value, struct rj_param_desc *ret);

/* The RJ_PARAM_* of a word of `length` bytes such as "select"; 0 for any other word. */
uint32_t param_spec_type(const char *word, size_t length);

/* 1 for what can be the name of a table. */
int param_spec_is_table(const char *name);

/* Frees what a row owns. */
void param_spec_done(struct rj_param_desc *desc);
