/* Reads what this program's daemons and commands have written to the journal of this host. */
#pragma once

#include <stdint.h>

#include "util/macro.h"

typedef struct JournalEntry {
        int64_t time; /* seconds since 1970 */
        int priority; /* as in syslog; LOG_INFO where the line has none */
        const char *host, *identifier, *message;
} JournalEntry;

/* Takes one line; its texts are valid during the call. */
typedef void (*JournalReader)(const JournalEntry *entry, void *userdata);

/*
 * Hands over the last `limit` lines about a job, oldest first, of the instance whose lines this
 * process writes (journal_set_instance()). Returns how many lines there were, or -errno. A
 * user who may not read the daemon's lines gets his own, and no error.
 */
int journal_read_job(int32_t job_id, int limit, JournalReader reader, void *userdata);
