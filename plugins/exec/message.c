/* The tables of what a message may hold. How they are read is members.c. */
#include "exec/message.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "exec/members.h"

static int read_count(const json_t *value, void *field) {
        json_int_t count = json_integer_value(value);

        *(uint64_t *) field = (uint64_t) count;
        return json_is_integer(value) && count >= 0 ? 0 : MEMBERS_E_MALFORMED;
}

static int read_id(const json_t *value, void *field) {
        json_int_t id = json_integer_value(value); /* 0 for what is no integer */

        if ((!json_is_integer(value) && !json_is_null(value)) || id < 0 || id > INT32_MAX)
                return MEMBERS_E_MALFORMED;
        *(int32_t *) field = (int32_t) id;
        return 0;
}

static int read_status(const json_t *value, void *field) {
        static const struct {
                const char *word;
                uint32_t status;
        } words[] = {
                {"OK", RJ_RECORD_OK},       {"ok", RJ_RECORD_OK},
                {"X", RJ_RECORD_FAILED},    {"failed", RJ_RECORD_FAILED},
                {"NT", RJ_RECORD_NOTICE},   {"notice", RJ_RECORD_NOTICE},
                {"CX", RJ_RECORD_CANCELED}, {"canceled", RJ_RECORD_CANCELED},
        };
        const char *word = json_string_value(value);

        for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
                if (!strcmp(word, words[i].word)) {
                        *(uint32_t *) field = words[i].status;
                        return 0;
                }
        return MEMBERS_E_MALFORMED;
}

static int read_job(const json_t *value, void *field) {
        json_int_t id = json_integer_value(value); /* 0 for what is no integer */

        if (id < 1 || id > INT32_MAX)
                return MEMBERS_E_MALFORMED;
        *(int32_t *) field = (int32_t) id;
        return 0;
}

static int read_end(const json_t *value, void *field) {
        *(MessageEnd *) field = (MessageEnd){.is_given = 1, .code = json_integer_value(value)};
        return json_is_integer(value) ? 0 : MEMBERS_E_MALFORMED;
}

static const MemberKind kind_count = {"an integer from 0", read_count};
static const MemberKind kind_id = {"an id, 0 or null", read_id};
static const MemberKind kind_status = {
        "\"OK\" (\"ok\"), \"X\" (\"failed\"), \"NT\" (\"notice\") or \"CX\" (\"canceled\")",
        read_status};
static const MemberKind kind_job = {"the number of a job", read_job};
static const MemberKind kind_end = {"an integer", read_end};

#define FIELD(name) offsetof(Message, name)

static const Member progress_members[] = {
        {.name = "done", .kind = &kind_count, .field = FIELD(done), .is_required = 1},
        {.name = "total", .kind = &kind_count, .field = FIELD(total), .is_required = 1},
        {0},
};

static const Member record_members[] = {
        {.name = "key", .kind = &member_optional, .field = FIELD(record.key)},
        {.name = "comment", .kind = &member_optional, .field = FIELD(record.comment)},
        {.name = "status", .kind = &kind_status, .field = FIELD(record.status), .is_required = 1},
        {.name = "person_id", .kind = &kind_id, .field = FIELD(record.person_id)},
        {.name = "external_identity_id",
         .kind = &kind_id,
         .field = FIELD(record.external_identity_id)},
        {0},
};

#define SAID                                                                                      \
        {.name = "progress",                                                                      \
         .kind = &member_object,                                                                  \
         .field = FIELD(has_progress),                                                            \
         .members = progress_members},                                                            \
                {.name = "record",                                                                \
                 .kind = &member_object,                                                          \
                 .field = FIELD(has_record),                                                      \
                 .members = record_members},                                                      \
                {.name = "start_summary", .kind = &member_string, .field = FIELD(start_summary)}, \
        {                                                                                         \
                .name = "summary", .kind = &member_string, .field = FIELD(summary)                \
        }

static const Member message_members[] = {SAID, {0}};

static const Member resident_members[] = {
        {.name = "job", .kind = &kind_job, .field = FIELD(job), .is_required = 1},
        SAID,
        {.name = "end", .kind = &kind_end, .field = FIELD(end)},
        {0},
};

static size_t count_blanks(const char *line, size_t length) {
        size_t n = 0;

        while (n < length && (line[n] == ' ' || line[n] == '\t'))
                n++;
        return n;
}

int message_is_meant(const char *line, size_t length) {
        size_t blanks = count_blanks(line, length);
        return blanks < length && line[blanks] == '{';
}

static int parse(const char *line, size_t length, const Member *members, Message *ret, char *why,
                 size_t size) {
        Message message = {.record.struct_size = sizeof(message.record)};

        int r = members_parse(line, length, &message.object, why, size);
        if (!r && !json_object_size(message.object)) {
                (void) snprintf(why, size, "no member");
                r = MEMBERS_E_MALFORMED;
        }
        if (!r)
                r = members_read(message.object, members, &message, why, size);
        if (r) {
                message_done(&message);
                return r < 0 ? r : MESSAGE_E_MALFORMED;
        }
        *ret = message;
        return 0;
}

int message_parse(const char *line, size_t length, Message *ret, char *why, size_t size) {
        if (!message_is_meant(line, length))
                return MESSAGE_E_TEXT;
        return parse(line, length, message_members, ret, why, size);
}

int message_parse_resident(const char *line, size_t length, Message *ret, char *why, size_t size) {
        return parse(line, length, resident_members, ret, why, size);
}

/* Goes over blanks, and then over `word`. Returns 1, or 0 where something else stands there. */
static int skip(const char **line, size_t *length, const char *word) {
        size_t blanks = count_blanks(*line, *length), n = strlen(word);

        if (*length - blanks < n || memcmp(*line + blanks, word, n) != 0)
                return 0;
        *line += blanks + n;
        *length -= blanks + n;
        return 1;
}

int32_t message_first_job(const char *line, size_t length) {
        int64_t job = 0;

        if (!skip(&line, &length, "{") || !skip(&line, &length, "\"job\"") ||
            !skip(&line, &length, ":"))
                return 0;
        size_t n = count_blanks(line, length);
        for (; n < length && line[n] >= '0' && line[n] <= '9' && job <= INT32_MAX; n++)
                job = 10 * job + (line[n] - '0');
        line += n;
        length -= n;
        return job <= INT32_MAX && (skip(&line, &length, ",") || skip(&line, &length, "}"))
                       ? (int32_t) job
                       : 0;
}

void message_done(Message *message) {
        json_decref(message->object);
        *message = (Message){0};
}
