/*
 * Members are rows of tables: whatever is not in the table is refused by name, so
 * that a misspelled member is noticed instead of silently dropped.
 */
#include "exec/message.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

/* A kind of value: what the message calls it, and how it gets into a field. */
typedef struct Kind {
        const char *expected;
        int (*read)(const json_t *value, void *field); /* 0, or MESSAGE_E_MALFORMED */
} Kind;

typedef struct Member {
        const char *name;
        const Kind *kind;
        size_t field;                 /* its offset in Message */
        const struct Member *members; /* of an object */
        int is_required;
} Member;

static int read_object(const json_t *value, void *field) {
        *(int *) field = 1;
        return json_is_object(value) ? 0 : MESSAGE_E_MALFORMED;
}

static int read_string(const json_t *value, void *field) {
        const char *text = json_string_value(value);

        *(const char **) field = text;
        return text ? 0 : MESSAGE_E_MALFORMED;
}

/* Programs often have a variable to put there, which may be null. */
static int read_optional(const json_t *value, void *field) {
        return json_is_null(value) ? 0 : read_string(value, field);
}

static int read_count(const json_t *value, void *field) {
        json_int_t count = json_integer_value(value);

        *(uint64_t *) field = (uint64_t) count;
        return json_is_integer(value) && count >= 0 ? 0 : MESSAGE_E_MALFORMED;
}

static int read_id(const json_t *value, void *field) {
        json_int_t id = json_integer_value(value); /* 0 for what is no integer */

        if ((!json_is_integer(value) && !json_is_null(value)) || id < 0 || id > INT32_MAX)
                return MESSAGE_E_MALFORMED;
        *(int32_t *) field = (int32_t) id;
        return 0;
}

static int read_status(const json_t *value, void *field) {
        static const struct {
                const char *word;
                uint32_t status;
        } words[] = {
                {"OK", RJ_RECORD_OK}, {"X", RJ_RECORD_FAILED},      {"NT", RJ_RECORD_NOTICE},
                {"ok", RJ_RECORD_OK}, {"failed", RJ_RECORD_FAILED}, {"notice", RJ_RECORD_NOTICE},
        };
        const char *word = json_string_value(value);

        for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
                if (!strcmp(word, words[i].word)) {
                        *(uint32_t *) field = words[i].status;
                        return 0;
                }
        return MESSAGE_E_MALFORMED;
}

static const Kind kind_object = {"an object", read_object};
static const Kind kind_string = {"a string", read_string};
static const Kind kind_optional = {"a string or null", read_optional};
static const Kind kind_count = {"an integer from 0", read_count};
static const Kind kind_id = {"an id, 0 or null", read_id};
static const Kind kind_status = {"\"OK\" (\"ok\"), \"X\" (\"failed\") or \"NT\" (\"notice\")",
                                 read_status};

#define FIELD(name) offsetof(Message, name)

static const Member progress_members[] = {
        {.name = "done", .kind = &kind_count, .field = FIELD(done), .is_required = 1},
        {.name = "total", .kind = &kind_count, .field = FIELD(total), .is_required = 1},
        {0},
};

static const Member record_members[] = {
        {.name = "key", .kind = &kind_optional, .field = FIELD(record.key)},
        {.name = "comment", .kind = &kind_optional, .field = FIELD(record.comment)},
        {.name = "status", .kind = &kind_status, .field = FIELD(record.status), .is_required = 1},
        {.name = "person_id", .kind = &kind_id, .field = FIELD(record.person_id)},
        {.name = "external_identity_id",
         .kind = &kind_id,
         .field = FIELD(record.external_identity_id)},
        {0},
};

static const Member message_members[] = {
        {.name = "progress",
         .kind = &kind_object,
         .field = FIELD(has_progress),
         .members = progress_members},
        {.name = "record",
         .kind = &kind_object,
         .field = FIELD(has_record),
         .members = record_members},
        {.name = "start_summary", .kind = &kind_string, .field = FIELD(start_summary)},
        {.name = "summary", .kind = &kind_string, .field = FIELD(summary)},
        {0},
};

static int refuse(char *why, size_t size, const char *what, const Member *in, const char *name) {
        (void) snprintf(why, size, "%s '%.64s'%s%s%s", what, name, in ? " in '" : "",
                        in ? in->name : "", in ? "'" : "");
        return MESSAGE_E_MALFORMED;
}

static const Member *find_member(const Member *members, const char *name) {
        for (; members->name; members++)
                if (!strcmp(members->name, name))
                        return members;
        return NULL;
}

/* The members of `from`, which is the value of `in`, or the message itself where that is NULL. */
static int read_members(json_t *from, const Member *in, Message *ret, char *why, size_t size) {
        const Member *members = in ? in->members : message_members;
        const char *name;
        json_t *value;

        json_object_foreach(from, name, value) {
                const Member *member = find_member(members, name);
                if (!member)
                        return refuse(why, size, "unknown member", in, name);
                if (member->kind->read(value, (char *) ret + member->field)) {
                        (void) refuse(why, size, "member", in, name);
                        (void) text_append(why, size, " must be %s", member->kind->expected);
                        return MESSAGE_E_MALFORMED;
                }
                int r = member->members ? read_members(value, member, ret, why, size) : 0;
                if (r)
                        return r;
        }
        for (; members->name; members++)
                if (members->is_required && !json_object_get(from, members->name))
                        return refuse(why, size, "missing member", in, members->name);
        return 0;
}

static int parse_object(const char *line, size_t length, json_t **ret, char *why, size_t size) {
        json_error_t error;

        if (!text_is_utf8(line, length)) {
                (void) snprintf(why, size, "not UTF-8");
                return MESSAGE_E_MALFORMED;
        }
        *ret = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
        if (*ret)
                return 0;
        if (json_error_code(&error) == json_error_out_of_memory)
                return error_origin(-ENOMEM);
        (void) snprintf(why, size, "%s at column %d", error.text, error.column);
        return MESSAGE_E_MALFORMED;
}

int message_parse(const char *line, size_t length, Message *ret, char *why, size_t size) {
        Message message = {.record.struct_size = sizeof(message.record)};
        size_t blanks = 0;

        while (blanks < length && strchr(" \t", line[blanks]) && line[blanks])
                blanks++;
        if (blanks == length || line[blanks] != '{')
                return MESSAGE_E_TEXT;

        int r = parse_object(line, length, &message.object, why, size);
        if (!r && !json_object_size(message.object)) {
                (void) snprintf(why, size, "no member");
                r = MESSAGE_E_MALFORMED;
        }
        if (!r)
                r = read_members(message.object, NULL, &message, why, size);
        if (r) {
                message_done(&message);
                return r;
        }
        *ret = message;
        return 0;
}

void message_done(Message *message) {
        json_decref(message->object);
        *message = (Message){0};
}
