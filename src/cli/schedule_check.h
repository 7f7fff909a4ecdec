/* The check of doctor that looks at the schedules of this host. */
#pragma once

#include "cli/checkup.h"

/* One finding for each schedule that cannot be registered as it is; nothing where there is none. */
void check_schedules(Checkup *c, const Check *check);
