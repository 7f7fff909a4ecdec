/* The table that a parameter refers to, by the naming rules of the Registry's framework. */
#pragma once

#include <stddef.h>

/* Writes "provisioning_targets" for "provisioning_target_id", and "people" for "person_id". */
void plural_table(const char *parameter, char *table, size_t size);
