/*
 * The parameters of a job: the stored JSON text, checked against the declarations of the model. All
 * problems are reported together. Whether an id belongs to the CO is a question to the database,
 * for which params_foreign() tells the ids and their table.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "registry-job/plugin.h"
#include "util/macro.h"
#include "util/problems.h"

#define PARAMS_MAX_BYTES (1024 * 1024) /* a longer text is refused unread */
#define PARAMS_MAX_IDS 10000           /* ids in one fk parameter */

#define PARAMS_E_INVALID 1

typedef struct Params Params;

/*
 * Parses and checks the text. NULL, "" and "[]" mean that there are no parameters. A member that is
 * null counts as missing. `model` must outlive the result. Returns 0, PARAMS_E_INVALID with at
 * least one problem added, or -ENOMEM.
 */
int params_new(const char *json, const struct rj_model *model, Params **ret, Problems *problems);

Params *params_free(Params *params);
DEFINE_CLEANUP(Params, params_free)

/* All parameters as one JSON object, as they were stored. `params` owns the string. */
const char *params_json(const Params *params);

/*
 * The index of the parameter of that name, whose type is one of `types` (bits 1 << RJ_PARAM_*). -1
 * is a bug of the plugin: the model does not declare such a parameter.
 */
int params_find(const Params *params, const char *name, uint32_t types);

/* The parameter at an index that params_find() returned. */
int params_given(const Params *params, int index);
int64_t params_integer(const Params *params, int index);
const char *params_string(const Params *params, int index);
size_t params_ids(const Params *params, int index, const int32_t **ret);

/*
 * The index of the first fk parameter with ids from index `from` on, or -1. Writes the table of the
 * ids to `table`.
 */
int params_foreign(const Params *params, int from, char *table, size_t size);

/*
 * Makes the JSON text that is stored of NAME=VALUE words for a job of `model`: all values are
 * strings, written as PHP writes them; of a boolean "0" or "1", because in PHP the text "false" is
 * true. Returns 0, PARAMS_E_INVALID with problems added, or -ENOMEM;
 * the text is the caller's.
 */
int params_from_words(char *const words[], size_t n, const struct rj_model *model, char **ret,
                      Problems *problems);
