/*
 * A job's parameters: the stored JSON text, checked against what the model declares. All problems
 * are found together, each with its own words. Whether an id belongs to the CO is asked of the
 * database by the caller, with what params_foreign() gives.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "registry-job/plugin.h"
#include "util/macro.h"
#include "util/problems.h"

#define PARAMS_MAX_BYTES (1024 * 1024) /* longer texts are refused unread */
#define PARAMS_MAX_IDS 10000           /* of one fk parameter */

#define PARAMS_E_INVALID 1

typedef struct Params Params;

/*
 * Parses and checks. `json` may be NULL, empty or "[]", which mean no parameters; a member that is
 * null counts as not given. `model` must outlive the result. Returns 0, PARAMS_E_INVALID with
 * at least one problem added, or -ENOMEM.
 */
int params_new(const char *json, const struct rj_model *model, Params **ret, Problems *problems);

Params *params_free(Params *params);
DEFINE_CLEANUP(Params, params_free)

/* All of them as one JSON object, as the model declares their types. Owned by `params`. */
const char *params_json(const Params *params);

/* The declared parameter of that name and type bits (1 << RJ_PARAM_*), or -1: a plugin's bug. */
int params_find(const Params *params, const char *name, uint32_t types);

/* By index from params_find(). */
int params_given(const Params *params, int index);
int64_t params_integer(const Params *params, int index);
const char *params_string(const Params *params, int index);
size_t params_ids(const Params *params, int index, const int32_t **ret);

/*
 * The next given fk parameter from *index on: its index, with the table that its ids belong to
 * written to `table`. -1 when there is none.
 */
int params_foreign(const Params *params, int from, char *table, size_t size);

/*
 * NAME=VALUE words to the JSON text that is stored: all values are strings, written as PHP writes
 * them. PARAMS_E_INVALID with problems, -ENOMEM; the text is the caller's.
 */
int params_from_words(char *const words[], size_t n, char **ret, Problems *problems);
