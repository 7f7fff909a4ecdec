/*
 * The COs that the plan knows: those that wait, in the order in which they were heard of, and those
 * that have a worker.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CO_LIST_MAX 100000 /* more COs with ready jobs are left to the next look */

typedef struct Co {
        int32_t id;
        int has_worker;
        int is_again;      /* heard of while it had a worker: look again after the turn */
        int is_hint;       /* it waits, and nobody has looked whether it has jobs */
        uint64_t position; /* among those that wait */
} Co;

/* All zero is empty. */
typedef struct CoList {
        Co *cos; /* sorted by id */
        size_t n, size;
        size_t n_waiting;
        size_t n_hints; /* of those that wait */
        uint64_t next_position;
} CoList;

void co_list_done(CoList *list);

/* The CO, or NULL. A pointer is good until the next change of the list. */
Co *co_list_find(CoList *list, int32_t id);

/* A CO that is not known yet begins to wait; 0, -ENOMEM or -ENOBUFS. */
int co_list_add(CoList *list, int32_t id, int is_hint);

/* A CO that waits has a ready job: that was looked at. */
void co_list_confirm(CoList *list, Co *co);

/* Forgets those that wait because of a hint. */
void co_list_remove_hints(CoList *list);

/* A CO that had a worker waits again, behind all others. */
void co_list_requeue(CoList *list, Co *co);

/* The CO gets a worker. */
void co_list_assign(CoList *list, Co *co);

/* The CO is not known any more; it does not wait. */
void co_list_remove(CoList *list, Co *co);

/* Whoever has waited longest, or NULL. */
Co *co_list_first_waiting(CoList *list);

void co_list_remove_waiting(CoList *list);
