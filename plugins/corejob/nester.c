#include "nester.h"

#include <stdio.h>

#include "nesting.h"

#define RETRIES_MAX 3

/* Integers, not foreign keys, as upstream declares them: the job says itself what is wrong. */
const struct rj_param_desc nester_params[] = {
        {.name = "group_id",
         .type = RJ_PARAM_INT,
         .flags = RJ_PARAM_REQUIRED,
         .help = "the group to be nested"},
        {.name = "target_group_id",
         .type = RJ_PARAM_INT,
         .flags = RJ_PARAM_REQUIRED,
         .help = "the group that gains its members"},
        {.name = "negate",
         .type = RJ_PARAM_BOOL,
         .help = "the target loses the nested memberships of these people instead"},
        {0},
};

static int take_group(struct rj_context *ctx, Transaction *transaction, const char *name,
                      int32_t *ret) {
        int64_t id = ctx->host->param_int(ctx, name, 0);

        if (id < 1 || id > INT32_MAX)
                return transaction_fail(transaction, "there is no group %lld", (long long) id);
        *ret = (int32_t) id;
        return 0;
}

static int take_params(Nesting *nesting) {
        struct rj_context *ctx = nesting->ctx;
        Transaction *transaction = &nesting->transaction;

        int r = take_group(ctx, transaction, "group_id", &nesting->group_id);
        if (!r)
                r = take_group(ctx, transaction, "target_group_id", &nesting->target_id);
        if (r)
                return r;
        if (nesting->group_id == nesting->target_id)
                return transaction_fail(transaction, "group %d cannot be nested in itself",
                                        nesting->group_id);
        nesting->is_negated = ctx->host->param_bool(ctx, "negate", 0);
        return 0;
}

static int connect_and_make(Nesting *nesting) {
        int r = TRANSACTION_E_RETRY;

        nesting->transaction.conn = nesting->ctx->host->db(nesting->ctx);
        if (!nesting->transaction.conn)
                return RJ_E_LOST; /* the host knows more than we do */
        for (int i = 0; r == TRANSACTION_E_RETRY && i <= RETRIES_MAX; i++)
                r = rj_canceled(nesting->ctx) ? RJ_CANCELED : nesting_make(nesting);
        return r == TRANSACTION_E_RETRY ? RJ_FAILED : r;
}

static int record_person(const Nesting *nesting, int32_t person_id) {
        char key[64], comment[GROUP_NAME_SIZE + 64];

        (void) snprintf(key, sizeof(key), "group %d person %d", nesting->target_id, person_id);
        (void) snprintf(comment, sizeof(comment), "%s group '%s' through %snesting %d",
                        nesting->is_negated ? "removed from" : "added to", nesting->target.name,
                        nesting->is_negated ? "negated " : "", nesting->id);
        return nesting->ctx->host->record(
                nesting->ctx, &(struct rj_record){.struct_size = sizeof(struct rj_record),
                                                  .status = RJ_RECORD_OK,
                                                  .key = key,
                                                  .comment = comment,
                                                  .person_id = person_id});
}

/* Cgroups above the target would need nestings computed as a whole: the Registry's business. */
static int record_above(const Nesting *nesting) {
        char key[64], comment[GROUP_NAME_SIZE + 128];

        if (!nesting->n_above)
                return 0;
        (void) snprintf(key, sizeof(key), "group %d", nesting->target_id);
        (void) snprintf(comment, sizeof(comment),
                        GROUP_FORMAT " is itself nested in other groups (%d), whose members were "
                                     "not changed",
                        nesting->target.name, nesting->target_id, nesting->n_above);
        return nesting->ctx->host->record(
                nesting->ctx, &(struct rj_record){.struct_size = sizeof(struct rj_record),
                                                  .status = RJ_RECORD_NOTICE,
                                                  .key = key,
                                                  .comment = comment});
}

static void summarize(const Nesting *nesting) {
        char text[2 * GROUP_NAME_SIZE + 128];
        const Group *group = &nesting->group, *target = &nesting->target;
        size_t n = nesting->people.n;

        (void) snprintf(text, sizeof(text),
                        "nested " GROUP_FORMAT " %sin " GROUP_FORMAT ": %zu %s %s", group->name,
                        group->id, nesting->is_negated ? "negated " : "", target->name, target->id,
                        n, n == 1 ? "person" : "people", nesting->is_negated ? "removed" : "added");
        (void) nesting->ctx->host->summary(nesting->ctx, text);
}

/* All of it, even after a cancel: what is committed has happened, and history says so. */
static int tell(const Nesting *nesting) {
        int r = 0;

        summarize(nesting);
        for (size_t i = 0; r >= 0 && i < nesting->people.n; i++)
                r = record_person(nesting, nesting->people.ids[i]);
        if (r >= 0)
                r = record_above(nesting);
        return r < 0 ? r : RJ_OK;
}

int nester_run(struct rj_context *ctx) {
        _cleanup_(nesting_done) Nesting nesting = {.ctx = ctx};

        int r = take_params(&nesting);
        if (!r)
                r = connect_and_make(&nesting);
        if (!r)
                return tell(&nesting);
        (void) ctx->host->summary(ctx, r == RJ_CANCELED ? "canceled, nothing was changed"
                                                        : nesting.transaction.problem);
        return r;
}
