#include "core/co_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

void co_list_done(CoList *list) {
        free(list->cos);
        *list = (CoList){0};
}

/* Where `id` is in the array, or belongs. */
static size_t find_index(const CoList *list, int32_t id) {
        size_t low = 0, high = list->n;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (list->cos[middle].id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

Co *co_list_find(CoList *list, int32_t id) {
        size_t i = find_index(list, id);
        return i < list->n && list->cos[i].id == id ? &list->cos[i] : NULL;
}

void co_list_requeue(CoList *list, Co *co) {
        co->has_worker = co->is_again = 0;
        co->position = list->next_position++;
        list->n_waiting++;
}

static int grow(CoList *list) {
        size_t size = list->size ? 2 * list->size : 64;
        Co *cos = reallocarray(list->cos, size, sizeof(*cos));

        if (!cos)
                return error_origin(-ENOMEM);
        list->cos = cos;
        list->size = size;
        return 0;
}

int co_list_add(CoList *list, int32_t id, int is_hint) {
        if (list->n == CO_LIST_MAX)
                return error_origin(-ENOBUFS);
        int r = list->n == list->size ? grow(list) : 0;
        if (r)
                return r;
        size_t i = find_index(list, id);
        memmove(&list->cos[i + 1], &list->cos[i], (list->n - i) * sizeof(*list->cos));
        list->cos[i] = (Co){.id = id};
        list->n++;
        co_list_requeue(list, &list->cos[i]);
        list->cos[i].is_hint = is_hint;
        list->n_hints += (size_t) is_hint;
        return 0;
}

void co_list_confirm(CoList *list, Co *co) {
        list->n_hints -= (size_t) co->is_hint;
        co->is_hint = 0;
}

void co_list_assign(CoList *list, Co *co) {
        co_list_confirm(list, co); /* whoever serves it sees whether it has jobs */
        co->has_worker = 1;
        list->n_waiting--;
}

void co_list_remove(CoList *list, Co *co) {
        size_t i = (size_t) (co - list->cos);
        memmove(co, co + 1, (list->n - i - 1) * sizeof(*co));
        list->n--;
}

Co *co_list_first_waiting(CoList *list) {
        Co *first = NULL;
        for (size_t i = 0; list->n_waiting && i < list->n; i++)
                if (!list->cos[i].has_worker && (!first || list->cos[i].position < first->position))
                        first = &list->cos[i];
        return first;
}

/* Keeps the COs that have a worker, and those that wait for a known job if `keeps_known`. */
static void keep(CoList *list, int keeps_known) {
        size_t n = 0;

        list->n_waiting = list->n_hints = 0;
        for (size_t i = 0; i < list->n; i++) {
                const Co *co = &list->cos[i];
                if (!co->has_worker && (co->is_hint || !keeps_known))
                        continue;
                list->n_waiting += !co->has_worker;
                list->cos[n++] = *co;
        }
        list->n = n;
}

void co_list_remove_hints(CoList *list) {
        if (list->n_hints)
                keep(list, 1);
}

void co_list_remove_waiting(CoList *list) {
        keep(list, 0);
}
