/*
 * One nesting, made in one transaction: the row in group_nestings, and the memberships that follow
 * from it, in batches. Whoever stops it half way finds nothing changed.
 */
#pragma once

#include "group.h"
#include "people.h"
#include "registry-job/plugin.h"
#include "transaction.h"

typedef struct Nesting {
        struct rj_context *ctx;
        Transaction transaction;
        int32_t group_id, target_id;
        int is_negated;

        /* Known once it is made. */
        Group group, target;
        int32_t id;
        int n_above;   /* groups that in turn gain the target's members */
        People people; /* who became, or ceased to be, a member of the target */
} Nesting;

/*
 * Returns 0 when it is committed; else RJ_FAILED, RJ_CANCELED or TRANSACTION_E_RETRY with nothing
 * changed, or what a host function returned below 0. Unless canceled, transaction.problem is set.
 */
int nesting_make(Nesting *nesting);

void nesting_done(Nesting *nesting);
