#include "db/json_row.h"

#include <string.h>

#include "db/exchange.h"
#include "db/oids.h"

/* "2026-11-30T13:00:00Z"; what has not the usual form, such as 'infinity', stays as it is. */
static json_t *json_time(const char *text) {
        char iso[] = "YYYY-MM-DDTHH:MM:SSZ";
        size_t n = sizeof(iso) - 2; /* without the Z */

        if (strlen(text) != n || text[10] != ' ')
                return json_string(text);
        memcpy(iso, text, n);
        iso[10] = 'T';
        return json_string(iso);
}

static json_t *json_value(const PGresult *result, int row, int column) {
        const char *text = db_text(result, row, column);
        json_t *value = NULL;

        if (!text)
                return json_null();
        switch (PQftype(result, column)) {
        case TIMESTAMP_OID:
                return json_time(text);
        case BOOL_OID:
                return json_boolean(*text == 't');
        case INT4_OID:
        case INT8_OID:
                return json_integer(db_int(result, row, column));
        }
        if (PQftype(result, column) == JSONB_OID)
                value = json_loads(text, JSON_DECODE_ANY, NULL);
        else if (!strcmp(PQfname(result, column), "parameters"))
                value = json_loads(text, 0, NULL);
        return value ? value : json_string(text);
}

json_t *json_row(const PGresult *result, int row, int columns) {
        json_t *object = json_object();
        for (int i = 0; i < columns; i++)
                (void) json_object_set_new(object, PQfname(result, i), json_value(result, row, i));
        return object;
}
