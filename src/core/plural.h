/* Names of parameters to names of tables, by the rules that the Registry's framework follows. */
#pragma once

#include <stddef.h>

/* "provisioning_target_id" to "provisioning_targets", "person_id" to "people". */
void plural_table(const char *parameter, char *table, size_t size);
