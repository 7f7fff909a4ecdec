/* What is told of a process that died with a job: how it ended, and what it has used. */
#pragma once

#include <sys/resource.h>

#include "core/history.h"
#include "core/outcome.h"
#include "ipc/status_page.h"

/* The key of the history record that says it. */
#define ACCOUNT_KEY "registry-jobd: ended"

/* What the process of that page has used for its job; the page is not believed without a check. */
JobUsage account_usage(const StatusPage *page, const struct rusage *usage);

/* The record. `text` is what outcome_describe() and outcome_add_usage() gave. */
void account_record(int32_t job_id, const char *text, HistoryRecord *ret);
