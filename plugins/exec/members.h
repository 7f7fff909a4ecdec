/*
 * Reads a JSON object into a struct by a table of its members. Whatever is not in the table is
 * refused by name, so that a misspelled member is noticed instead of silently dropped.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define MEMBERS_E_MALFORMED 1 /* `why` says what is wrong */

/* A kind of value: what a message calls it, and how it gets into a field. */
typedef struct MemberKind {
        const char *expected;
        int (*read)(const json_t *value, void *field); /* 0, or MEMBERS_E_MALFORMED */
} MemberKind;

typedef struct Member {
        const char *name; /* NULL ends a table */
        const MemberKind *kind;
        size_t field;                 /* its offset in the struct */
        const struct Member *members; /* of an object, whose fields are in the same struct */
        int is_required;
} Member;

extern const MemberKind member_object;   /* int: 1 when it is there */
extern const MemberKind member_array;    /* const json_t * */
extern const MemberKind member_string;   /* const char * */
extern const MemberKind member_optional; /* const char *, NULL for null */
extern const MemberKind member_bool;     /* int */

/*
 * Reads the `length` bytes at `line` as one JSON object. Returns 0 with an object that is the
 * caller's; MEMBERS_E_MALFORMED, or -ENOMEM.
 */
int members_parse(const char *line, size_t length, json_t **ret, char *why, size_t size);

/*
 * Reads the members of `object` into the struct at `to`. Strings are owned by the object. Returns
 * 0, or MEMBERS_E_MALFORMED with some fields set.
 */
int members_read(json_t *object, const Member *members, void *to, char *why, size_t size);
