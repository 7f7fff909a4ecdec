/* The jobs that cancel or retry is to change: by their ids, or by a filter. */
#pragma once

#include "cli/filter.h"
#include "util/macro.h"

typedef struct Target {
        int32_t co_id, id;
} Target;

/* All zero is empty. */
typedef struct Targets {
        Target *items;
        size_t n, size;
} Targets;

static inline void targets_donep(Targets *targets) {
        free(targets->items);
}

/* Returns 0 or -ENOMEM. */
int targets_add(Targets *targets, int32_t co_id, int32_t id);

/* Sorts by CO and id, so that jobs are queued again in their old order, and drops what is twice. */
void targets_sort(Targets *targets);

size_t targets_count_cos(const Targets *targets); /* of sorted ones */

/* The ids among the words behind the verb, of no CO yet. CLI_OK, or a code after saying what is
 * wrong.
 */
int targets_read_ids(Cli *cli, Targets *ret);

/* All jobs that pass the filter, up to `limit`. */
int targets_find(Cli *cli, const JobFilter *filter, int64_t limit, Targets *ret);
