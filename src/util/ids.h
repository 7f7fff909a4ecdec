/* Lists of ids and PIDs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline int ids_have(const int32_t *ids, size_t n, int32_t id) {
        for (size_t i = 0; i < n; i++)
                if (ids[i] == id)
                        return 1;
        return 0;
}
