/* What people hold; the verbs are in verbs.h. */
#pragma once

#include "cli/cli.h"

/* Whether a job may be run here and now. Returns CLI_OK, or a code after saying who holds it. */
int hold_check(Cli *cli, int32_t co_id, const char *model);
