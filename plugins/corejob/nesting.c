#include "nesting.h"

#include <stdio.h>

static int lock_groups(Nesting *nesting) {
        Transaction *transaction = &nesting->transaction;

        int r = transaction_do(transaction, STATEMENT_NESTING_LOCK, &nesting->ctx->co_id, 1);
        if (!r)
                r = group_lock(transaction, nesting->group_id, &nesting->group);
        if (!r)
                r = group_lock(transaction, nesting->target_id, &nesting->target);
        if (r)
                return r;
        return group_may_nest(&nesting->group, &nesting->target, nesting->ctx->co_id,
                              transaction->problem, sizeof(transaction->problem))
                       ? 0
                       : RJ_FAILED;
}

static int check_new(Nesting *nesting) {
        _cleanup_(result_clearp) PGresult *result = NULL;
        const Group *group = &nesting->group, *target = &nesting->target;

        int r = transaction_run(&nesting->transaction, STATEMENT_NESTING_FIND,
                                (int32_t[]){group->id, target->id}, 2, &result);
        if (r || PQntuples(result) == 0)
                return r;
        return transaction_fail(
                &nesting->transaction,
                GROUP_FORMAT " is already nested in " GROUP_FORMAT ", by nesting %d", group->name,
                group->id, target->name, target->id, result_int(result, 0, 0));
}

static int check_loop(Nesting *nesting) {
        _cleanup_(result_clearp) PGresult *result = NULL;
        const Group *group = &nesting->group, *target = &nesting->target;

        int r = transaction_run(&nesting->transaction, STATEMENT_NESTING_ABOVE,
                                (int32_t[]){group->id, target->id}, 2, &result);
        if (r)
                return r;
        nesting->n_above = result_int(result, 0, 0);
        if (!result_int(result, 0, 1))
                return 0;
        return transaction_fail(&nesting->transaction,
                                "this would be a loop: " GROUP_FORMAT
                                " is itself nested in " GROUP_FORMAT
                                ", directly or through other groups",
                                target->name, target->id, group->name, group->id);
}

static int announce(const Nesting *nesting) {
        char text[2 * GROUP_NAME_SIZE + 64];

        (void) snprintf(text, sizeof(text), "nesting " GROUP_FORMAT " %sin " GROUP_FORMAT,
                        nesting->group.name, nesting->group.id,
                        nesting->is_negated ? "negated " : "", nesting->target.name,
                        nesting->target.id);
        return nesting->ctx->host->start_summary(nesting->ctx, text);
}

static int add_row(Nesting *nesting) {
        _cleanup_(result_clearp) PGresult *result = NULL;

        int r = transaction_run(
                &nesting->transaction, STATEMENT_NESTING_ADD,
                (int32_t[]){nesting->group_id, nesting->target_id, nesting->is_negated}, 3,
                &result);
        if (!r)
                nesting->id = result_int(result, 0, 0);
        return r;
}

static int take_people(Nesting *nesting, const PGresult *result, People *people) {
        for (int row = 0; row < PQntuples(result); row++)
                if (people_add(people, result_int(result, row, 0)) < 0)
                        return transaction_fail(&nesting->transaction, "out of memory");
        return 0;
}

static int find_members(Nesting *nesting, People *members) {
        _cleanup_(result_clearp) PGresult *result = NULL;

        int r = transaction_run(&nesting->transaction, STATEMENT_MEMBERS_FIND, &nesting->group_id,
                                1, &result);
        return r ? r : take_people(nesting, result, members);
}

static int change_batch(Nesting *nesting, const int32_t ids[], size_t n) {
        _cleanup_(result_clearp) PGresult *result = NULL;

        int r = transaction_run_list(
                &nesting->transaction,
                nesting->is_negated ? STATEMENT_MEMBERS_REMOVE : STATEMENT_MEMBERS_ADD,
                (int32_t[]){nesting->target_id, nesting->id}, 2, ids, n, &result);
        return r ? r : take_people(nesting, result, &nesting->people);
}

/* The last look at the cancel word is the one right before the commit. */
static int change_members(Nesting *nesting) {
        _cleanup_(people_done) People members = {0};
        struct rj_context *ctx = nesting->ctx;

        int r = find_members(nesting, &members);
        for (size_t done = 0, n; !r && done < members.n && !rj_canceled(ctx); done += n) {
                n = MIN_OF(members.n - done, (size_t) TRANSACTION_LIST_MAX);
                r = change_batch(nesting, members.ids + done, n);
                if (!r)
                        r = ctx->host->progress(ctx, done + n, members.n);
        }
        return !r && rj_canceled(ctx) ? RJ_CANCELED : r;
}

static int check_and_change(Nesting *nesting) {
        int r = lock_groups(nesting);
        if (!r)
                r = check_new(nesting);
        if (!r)
                r = check_loop(nesting);
        if (!r)
                r = announce(nesting);
        if (!r)
                r = add_row(nesting);
        if (!r)
                r = change_members(nesting);
        return r;
}

static int commit(Nesting *nesting) {
        int r = transaction_do(&nesting->transaction, STATEMENT_NESTING_COMMIT, NULL, 0);
        if (r == RJ_E_LOST) /* the answer may have been on its way */
                (void) transaction_fail(&nesting->transaction,
                                        "lost in the commit: see whether nesting %d is there",
                                        nesting->id);
        return r;
}

/* What is to be told is how it came to this, not how undoing it went. */
static void roll_back(const Nesting *nesting) {
        Transaction transaction = {.conn = nesting->transaction.conn};
        (void) transaction_do(&transaction, STATEMENT_NESTING_ROLLBACK, NULL, 0);
}

int nesting_make(Nesting *nesting) {
        people_clear(&nesting->people);
        int r = transaction_do(&nesting->transaction, STATEMENT_NESTING_BEGIN, NULL, 0);
        if (r)
                return r;
        r = check_and_change(nesting);
        if (!r)
                return commit(nesting);
        roll_back(nesting);
        return r;
}

void nesting_done(Nesting *nesting) {
        people_done(&nesting->people);
}
