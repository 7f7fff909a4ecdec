#include "core/co_name.h"

#include <stdio.h>
#include <string.h>

#include "core/near.h"
#include "util/text.h"

#define NAMED_MAX 6 /* COs in a sentence: a name has 512 bytes at most, most have a few */

/* Appends the ids, or with `near_to` the names near to it; returns how many there are. */
static size_t append_cos(const CoName *all, size_t n, const char *wanted, int is_near, char *why) {
        size_t found = 0;

        for (size_t i = 0; i < n; i++) {
                int fits = is_near ? near_is(wanted, all[i].name) : !strcmp(wanted, all[i].name);
                if (!fits || found++ >= NAMED_MAX)
                        continue;
                const char *before = found == 1 ? "" : ", ";
                if (is_near)
                        (void) text_append(why, CO_NAME_WHY_SIZE, "%s'%.80s' (%d)", before,
                                           all[i].name, (int) all[i].id);
                else
                        (void) text_append(why, CO_NAME_WHY_SIZE, "%s%d", before, (int) all[i].id);
        }
        if (found > NAMED_MAX)
                (void) text_append(why, CO_NAME_WHY_SIZE, " and %zu more", found - NAMED_MAX);
        return found;
}

int co_name_find(const CoName *all, size_t n, const char *wanted, int32_t *ret,
                 char why[CO_NAME_WHY_SIZE]) {
        char cos[CO_NAME_WHY_SIZE] = "";
        size_t found = append_cos(all, n, wanted, 0, cos);

        if (found > 1) {
                (void) snprintf(why, CO_NAME_WHY_SIZE,
                                "%zu active COs are called '%.80s': give the id of one, %.500s",
                                found, wanted, cos);
                return CO_NAME_E_AMBIGUOUS;
        }
        for (size_t i = 0; i < n; i++)
                if (!strcmp(wanted, all[i].name)) {
                        *ret = all[i].id;
                        return 0;
                }
        found = append_cos(all, n, wanted, 1, cos);
        (void) snprintf(why, CO_NAME_WHY_SIZE, "no active CO is called '%.80s'%s%.800s", wanted,
                        found ? "; near to it: " : "", cos);
        return CO_NAME_E_NONE;
}
