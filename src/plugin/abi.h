/* Whether a description that a plugin gave can be used: a pure function of its numbers. */
#pragma once

#include <stddef.h>

#include "registry-job/plugin.h"

#define ABI_E_MISMATCH 1 /* built for another version of the interface */
#define ABI_E_INVALID 2  /* of our version, but incomplete or contradictory */

/* `name` is what the file is called without .so; `why` gets one line that names both numbers. */
int abi_check(const struct rj_plugin *desc, const char *name, char *why, size_t size);

/*
 * Copies a struct that a plugin made, `from_size` bytes long, into one of ours: members that its
 * header did not have are zero, those that ours does not have are left out.
 */
void abi_copy(void *to, size_t to_size, const void *from, size_t from_size);

/* abi_copy() of a record that a plugin hands over. Returns 0, or ABI_E_INVALID for no record. */
int abi_copy_record(const struct rj_record *from, struct rj_record *ret);

/* Model `i` of a checked description; NULL behind the last. Strides are the plugin's. */
const struct rj_model *abi_model(const struct rj_plugin *desc, size_t i);

/* Parameter `i` of a model; NULL behind the last. */
const struct rj_param_desc *abi_param(const struct rj_plugin *desc, const struct rj_model *model,
                                      size_t i);

/* 1 when `name` is a letter followed by letters, digits and '_', `length` bytes of it. */
int abi_is_name(const char *name, size_t length);
