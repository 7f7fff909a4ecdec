#include "group.h"

#include <stdio.h>

int group_lock(Transaction *transaction, int32_t id, Group *ret) {
        _cleanup_(result_clearp) PGresult *result = NULL;

        int r = transaction_run(transaction, STATEMENT_GROUP_LOCK, &id, 1, &result);
        if (r)
                return r;
        if (PQntuples(result) == 0)
                return transaction_fail(transaction, "there is no group %d", id);

        ret->id = id;
        ret->co_id = result_int(result, 0, 0);
        ret->is_active = result_int(result, 0, 1);
        ret->is_standard = result_int(result, 0, 2);
        ret->needs_all = result_int(result, 0, 3);
        (void) snprintf(ret->name, sizeof(ret->name), "%s", PQgetvalue(result, 0, 4));
        return 0;
}

static int refuse(const Group *group, const char *reason, char *why, size_t size) {
        (void) snprintf(why, size, GROUP_FORMAT " %s", group->name, group->id, reason);
        return 0;
}

int group_may_nest(const Group *group, const Group *target, int32_t co_id, char *why, size_t size) {
        const Group *both[] = {group, target};

        for (size_t i = 0; i < ARRAY_SIZE(both); i++)
                if (both[i]->co_id != co_id) { /* whose it is, and its name, are not ours to tell */
                        (void) snprintf(why, size, "group %d belongs to another CO", both[i]->id);
                        return 0;
                }
        for (size_t i = 0; i < ARRAY_SIZE(both); i++)
                if (!both[i]->is_active)
                        return refuse(both[i], "is not active", why, size);
        if (!target->is_standard)
                return refuse(target,
                              "is automatic: its members are computed by the Registry, "
                              "and nothing can be nested in it",
                              why, size);
        if (target->needs_all)
                return refuse(target,
                              "takes only members of all its nested groups, "
                              "which this job does not compute",
                              why, size);
        return 1;
}
