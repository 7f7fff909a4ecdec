/* The one reader of JSON that a program writes: strict, and with words for whatever it refuses. */
#include "exec/members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

static int read_object(const json_t *value, void *field) {
        *(int *) field = 1;
        return json_is_object(value) ? 0 : MEMBERS_E_MALFORMED;
}

static int read_array(const json_t *value, void *field) {
        *(const json_t **) field = value;
        return json_is_array(value) ? 0 : MEMBERS_E_MALFORMED;
}

static int read_string(const json_t *value, void *field) {
        const char *text = json_string_value(value);

        *(const char **) field = text;
        return text ? 0 : MEMBERS_E_MALFORMED;
}

/* Programs often have a variable to put there, which may be null. */
static int read_optional(const json_t *value, void *field) {
        return json_is_null(value) ? 0 : read_string(value, field);
}

static int read_bool(const json_t *value, void *field) {
        *(int *) field = json_is_true(value);
        return json_is_boolean(value) ? 0 : MEMBERS_E_MALFORMED;
}

const MemberKind member_object = {"an object", read_object};
const MemberKind member_array = {"an array", read_array};
const MemberKind member_string = {"a string", read_string};
const MemberKind member_optional = {"a string or null", read_optional};
const MemberKind member_bool = {"true or false", read_bool};

static int refuse(char *why, size_t size, const char *what, const Member *in, const char *name) {
        (void) snprintf(why, size, "%s '%.64s'%s%s%s", what, name, in ? " in '" : "",
                        in ? in->name : "", in ? "'" : "");
        return MEMBERS_E_MALFORMED;
}

static const Member *find_member(const Member *members, const char *name) {
        for (; members->name; members++)
                if (!strcmp(members->name, name))
                        return members;
        return NULL;
}

/* `in` is the member whose value the object is; NULL for the outermost one. */
static int read_in(json_t *object, const Member *members, const Member *in, void *to, char *why,
                   size_t size) {
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value) {
                const Member *member = find_member(members, name);
                if (!member)
                        return refuse(why, size, "unknown member", in, name);
                if (member->kind->read(value, (char *) to + member->field)) {
                        (void) refuse(why, size, "member", in, name);
                        (void) text_append(why, size, " must be %s", member->kind->expected);
                        return MEMBERS_E_MALFORMED;
                }
                int r = member->members ? read_in(value, member->members, member, to, why, size)
                                        : 0;
                if (r)
                        return r;
        }
        for (; members->name; members++)
                if (members->is_required && !json_object_get(object, members->name))
                        return refuse(why, size, "missing member", in, members->name);
        return 0;
}

int members_read(json_t *object, const Member *members, void *to, char *why, size_t size) {
        return read_in(object, members, NULL, to, why, size);
}

int members_parse(const char *line, size_t length, json_t **ret, char *why, size_t size) {
        json_error_t error;

        if (memchr(line, '\0', length)) {
                (void) snprintf(why, size, "a NUL byte");
                return MEMBERS_E_MALFORMED;
        }
        if (!text_is_utf8(line, length)) {
                (void) snprintf(why, size, "not UTF-8");
                return MEMBERS_E_MALFORMED;
        }
        json_t *value = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
        if (!value && json_error_code(&error) == json_error_out_of_memory)
                return error_origin(-ENOMEM);
        if (!value) {
                (void) snprintf(why, size, "%s at column %d", error.text, error.column);
                return MEMBERS_E_MALFORMED;
        }
        if (!json_is_object(value)) {
                (void) snprintf(why, size, "not a JSON object");
                json_decref(value);
                return MEMBERS_E_MALFORMED;
        }
        *ret = value;
        return 0;
}
