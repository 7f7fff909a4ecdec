/*
 * The table of keys: for each its section, type, range and default, and where its value lies. A
 * key of [limits] lies in struct Limits for the sections of single plugins as well.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"

typedef enum KeyType {
        KEY_TEXT,     /* char * */
        KEY_CONNINFO, /* the same, as libpq takes it, shown without its secrets */
        KEY_BOOL,     /* int */
        KEY_INT,      /* int64_t */
        KEY_DURATION, /* usec_t */
        KEY_SIZE,     /* uint64_t, bytes */
} KeyType;

typedef struct Key {
        const char *section;
        const char *name;
        KeyType type;
        size_t offset; /* in Config */
        const char *otherwise;
        int64_t min, max; /* KEY_DURATION: microseconds */
        int is_reloaded;
        unsigned limit; /* LIMIT_* of a key of [limits] */
} Key;

#define CONFIG_KEYS_MAX 32u /* not less than there are */

extern const Key config_keys[];
extern const size_t config_n_keys;

/* Index of the key, or -1. */
int config_key_find(const char *section, const char *name);

/* 1 when any key has this section. */
int config_key_has_section(const char *section);

/* 1 when its value is an owned string. */
int config_key_is_text(const Key *key);

/* Where the key's value lies. */
void *config_field(Config *config, const Key *key);
const void *config_const_field(const Config *config, const Key *key);

/* Where the value of a key of [limits] lies in the limits of one plugin. */
void *config_limit_field(Limits *limits, const Key *key);

/* Writes a value to `field`. Returns 0, -ENOMEM, or PARSE_E_* with the reason in `why`. */
int config_key_set(const Key *key, void *field, const char *value, char *why, size_t size);

int config_key_is_equal(const Key *key, const void *a, const void *b);

/* Writes the value at `from` to `to`; 0 or -ENOMEM. */
int config_key_copy(const Key *key, void *to, const void *from);

/* "name = value" to standard output, so that it could be read again. */
void config_key_print(const Key *key, const void *field);

/* All defaults, without what follows from them. */
int config_new_defaults(Config **ret);

/* What follows from the texts. Problems name `where`. */
int config_derive(Config *config, const char *where, Problems *problems);
