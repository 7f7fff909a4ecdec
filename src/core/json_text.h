/* JSON as a text. */
#pragma once

#include <jansson.h>

/*
 * json_dumps(), whose result is whole: where an allocation fails, jansson 2.14 leaves the name of a
 * member out and says that all is well. A new string, or NULL without memory.
 */
char *json_text(const json_t *value, size_t flags);
