/*
 * What an external program says on its standard output, one JSON object a line:
 *
 *   {"progress": {"done": 3, "total": 10}}
 *   {"record": {"key": "...", "comment": "...", "status": "OK", "person_id": 17,
 *               "external_identity_id": 4}}
 *   {"start_summary": "..."}
 *   {"summary": "..."}
 *
 * One object may hold several of them. This module only reads; it has no I/O and no state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "registry-job/plugin.h"
#include "util/macro.h"

#define MESSAGE_E_TEXT 1      /* the line does not begin as an object does: text for the log */
#define MESSAGE_E_MALFORMED 2 /* it does, but is not what was agreed: `why` says what is wrong */

struct json_t;

typedef struct Message {
        struct json_t *object; /* owns the strings below */
        int has_progress;
        uint64_t done, total;
        int has_record;
        struct rj_record record;
        const char *start_summary; /* NULL when there is none */
        const char *summary;
} Message;

/*
 * Reads the `length` bytes at `line`. Returns 0 with `ret` filled in, to be given to
 * message_done(); MESSAGE_E_*, or -ENOMEM. An object with anything wrong in it is refused whole.
 */
int message_parse(const char *line, size_t length, Message *ret, char *why, size_t size);

void message_done(Message *message);
