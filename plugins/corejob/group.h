/* The two groups of a nesting, and whether they may be nested. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transaction.h"

#define GROUP_NAME_SIZE (60 * 4 + 1) /* 60 characters, see group_lock.sql */
#define GROUP_FORMAT "group '%s' (%d)"

typedef struct Group {
        int32_t id, co_id;
        int is_active;
        int is_standard; /* its members are what somebody says, not what the Registry computes */
        int needs_all;   /* only who is in all of its nested groups is a member */
        char name[GROUP_NAME_SIZE];
} Group;

/* Reads the group and keeps it as it is until the end of the transaction; else as
 * transaction_run(). */
int group_lock(Transaction *transaction, int32_t id, Group *ret);

/* 1 when jobs of this CO may nest `group` in `target`; otherwise 0, and `why` says why not. */
int group_may_nest(const Group *group, const Group *target, int32_t co_id, char *why, size_t size);
