/*
 * Values of keys: from the text in the file to the field in memory, and back. What is done follows
 * from the type in the key's row (config_keys.h). `field` is where the value of the key lies.
 */
#pragma once

#include <stddef.h>

#include "config/config_keys.h"

/*
 * Writes the value of `text` to the field; a named key is added to the list there under `name`.
 * Returns 0; CONFIG_E_INVALID with the reason in `why` and the field as it was; or -errno.
 */
int config_value_parse(const ConfigKey *key, void *field, const char *name, const char *text,
                       char *why, size_t size);

/* Writes what a value of this key must be, for messages: "a number from 1 to 256". */
void config_value_describe(const ConfigKey *key, char *text, size_t size);

/* Writes the least or the greatest value as config_print() would; "" where there is none. */
void config_value_describe_bound(const ConfigKey *key, int64_t bound, char *text, size_t size);

int config_value_is_equal(const ConfigKey *key, const void *a, const void *b);

/* Exchanges two values, with all that they own. */
void config_value_swap(const ConfigKey *key, void *a, void *b);

void config_value_free(const ConfigKey *key, void *field);

/* Prints "name = value", one line for each name of a named key; nothing for a word not given. */
void config_value_print(const ConfigKey *key, const void *field);

/* Writes a time with the largest unit that leaves no rest: "90s", "2h", "0". */
void config_format_duration(usec_t usec, char *text, size_t size);
