#include "core/json_text.h"

#include <stdlib.h>

char *json_text(const json_t *value, size_t flags) {
        char *text = json_dumps(value, flags);
        json_t *again = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        int is_whole = again && json_equal(again, value);

        json_decref(again);
        if (!is_whole) {
                free(text);
                text = NULL;
        }
        return text;
}
