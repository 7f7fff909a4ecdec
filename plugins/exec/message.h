/*
 * What an external program says, one JSON object a line. A program that runs one job:
 *
 *   {"progress": {"done": 3, "total": 10}}
 *   {"record": {"key": "...", "comment": "...", "status": "OK", "person_id": 17,
 *               "external_identity_id": 4}}
 *   {"start_summary": "..."}
 *   {"summary": "..."}
 *
 * A resident program says the same with "job": 42 in each line, and at the end of the job:
 *
 *   {"job": 42, "end": 0}
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

typedef struct MessageEnd {
        int is_given;
        int64_t code; /* 0: the job is Complete */
} MessageEnd;

typedef struct Message {
        struct json_t *object; /* owns the strings below */
        int32_t job;           /* 0: of a program that runs one job */
        int has_progress;
        uint64_t done, total;
        int has_record;
        struct rj_record record;
        const char *start_summary; /* NULL when there is none */
        const char *summary;
        MessageEnd end;
} Message;

/* 1 for a line that begins as an object does: it is meant as a message. */
int message_is_meant(const char *line, size_t length);

/*
 * Reads the `length` bytes at `line`. Returns 0 with `ret` filled in, to be given to
 * message_done(); MESSAGE_E_*, or -ENOMEM. An object with anything wrong in it is refused whole.
 */
int message_parse(const char *line, size_t length, Message *ret, char *why, size_t size);

/* The same for a line of a resident program, of which no line is text. */
int message_parse_resident(const char *line, size_t length, Message *ret, char *why, size_t size);

/*
 * The job of a line that cannot be read, or not as a whole: a number when the line begins with
 * {"job": NUMBER, and 0 otherwise.
 */
int32_t message_first_job(const char *line, size_t length);

void message_done(Message *message);
