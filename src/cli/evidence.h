/* What the database and this host know about a job and about who runs it. */
#pragma once

#include "cli/cli.h"
#include "core/why.h"
#include "db/explain_store.h"
#include "db/pg.h"

typedef struct Evidence {
        WhyFacts facts; /* texts belong to `reply` */
        int has_pid;
        DbReply reply;
        Identity self; /* which host this is */
} Evidence;

/*
 * One round trip for one job, whether it is there or not; CLI_OK, or an exit code after saying what
 * went wrong. evidence_done() is due in either case.
 */
int evidence_collect(Cli *cli, int32_t id, Evidence *ret);

void evidence_done(Evidence *evidence);
static inline void evidence_donep(Evidence *evidence) {
        evidence_done(evidence);
}
