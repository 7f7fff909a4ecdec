/* The people whose memberships a transaction changed: told about only when it is committed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct People {
        int32_t *ids;
        size_t n, room;
} People;

/* 0 or -ENOMEM. */
int people_add(People *people, int32_t id);

/* Forgets them, and keeps the memory. */
void people_clear(People *people);

void people_done(People *people);
