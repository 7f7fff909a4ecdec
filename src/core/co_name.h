/* Which CO is meant by a name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct CoName {
        int32_t id;
        const char *name;
} CoName;

#define CO_NAME_E_NONE 1      /* no CO is called so */
#define CO_NAME_E_AMBIGUOUS 2 /* several are */

#define CO_NAME_WHY_SIZE 1024

/*
 * Finds the CO that is called exactly `wanted`. Returns 0, or CO_NAME_E_* with a sentence in `why`
 * that names the COs that may be meant, with their ids.
 */
int co_name_find(const CoName *all, size_t n, const char *wanted, int32_t *ret,
                 char why[CO_NAME_WHY_SIZE]);
