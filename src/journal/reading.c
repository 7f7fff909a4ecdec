#include "journal/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "journal/journal.h"
#include "util/clock.h"

#define FIELD_SIZE 4096

static void journal_closep(sd_journal **journal) {
        sd_journal_close(*journal);
}

/* systemd's own lines have a field JOB_ID, too: the numbers of its jobs. */
static int match_job(sd_journal *journal, int32_t job_id) {
        static const char *const fields[] = {"SYSLOG_IDENTIFIER=registry-jobd",
                                             "SYSLOG_IDENTIFIER=registry-job"};
        char match[JOURNAL_INSTANCE_SIZE + 16];
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++)
                r = sd_journal_add_match(journal, fields[i], 0);
        (void) snprintf(match, sizeof(match), "JOB_ID=%d", (int) job_id);
        if (r >= 0)
                r = sd_journal_add_match(journal, match, 0);
        (void) snprintf(match, sizeof(match), "INSTANCE=%s", journal_instance());
        return r < 0 ? r : sd_journal_add_match(journal, match, 0);
}

/* The value of a field, cut; "" where the entry has none. */
static void read_field(sd_journal *journal, const char *name, char value[FIELD_SIZE]) {
        const void *data;
        size_t size, skipped = strlen(name) + 1;

        *value = '\0';
        if (sd_journal_get_data(journal, name, &data, &size) < 0 || size < skipped)
                return;
        size = MIN_OF(size - skipped, (size_t) FIELD_SIZE - 1);
        memcpy(value, (const char *) data + skipped, size);
        value[size] = '\0';
}

static void read_entry(sd_journal *journal, JournalReader reader, void *userdata) {
        char host[FIELD_SIZE], identifier[FIELD_SIZE], message[FIELD_SIZE], priority[FIELD_SIZE];
        uint64_t usec = 0;

        (void) sd_journal_get_realtime_usec(journal, &usec);
        read_field(journal, "_HOSTNAME", host);
        read_field(journal, "SYSLOG_IDENTIFIER", identifier);
        read_field(journal, "MESSAGE", message);
        read_field(journal, "PRIORITY", priority);
        JournalEntry entry = {.time = (int64_t) (usec / USEC_PER_SEC),
                              .priority = *priority ? atoi(priority) : LOG_INFO,
                              .host = host,
                              .identifier = identifier,
                              .message = message};
        reader(&entry, userdata);
}

/* To the first of the last `limit` entries. */
static int seek_last(sd_journal *journal, int limit) {
        int r = sd_journal_seek_tail(journal);

        if (r >= 0)
                r = sd_journal_previous_skip(journal, (uint64_t) limit);
        return r;
}

int journal_read_job(int32_t job_id, int limit, JournalReader reader, void *userdata) {
        __attribute__((cleanup(journal_closep))) sd_journal *journal = NULL;
        int n = 0;

        int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = match_job(journal, job_id);
        if (r >= 0)
                r = seek_last(journal, limit);
        for (; r > 0 && n < limit; n++) {
                read_entry(journal, reader, userdata);
                r = sd_journal_next(journal);
        }
        return r < 0 ? r : n;
}
