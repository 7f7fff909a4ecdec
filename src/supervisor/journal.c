#include "supervisor/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "util/log.h"
#include "util/text.h"

#define FIELDS_MAX 10

int journal_is_connected(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

typedef struct Entry {
        struct iovec fields[FIELDS_MAX];
        char *texts[FIELDS_MAX];
        int n;
} Entry;

static void add(Entry *entry, char *text) {
        if (!text || entry->n == FIELDS_MAX) {
                free(text);
                return;
        }
        entry->texts[entry->n] = text;
        entry->fields[entry->n++] = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
}

static void add_text(Entry *entry, const char *name, const char *value) {
        if (value)
                add(entry, text_format("%s=%s", name, value));
}

static void add_id(Entry *entry, const char *name, int32_t id) {
        if (id)
                add(entry, text_format("%s=%d", name, id));
}

static void send_line(int level, const LogFields *fields, const char *text, void *userdata) {
        static const LogFields none = {0};
        const LogFields *f = fields ? fields : &none;
        Entry entry = {.n = 0};
        (void) userdata;

        add(&entry,
            text_format("MESSAGE=%s%s%s", text, f->hint ? ". Hint: " : "", f->hint ? f->hint : ""));
        add(&entry, text_format("PRIORITY=%d", level));
        add_text(&entry, "SYSLOG_IDENTIFIER", "registry-jobd");
        add_text(&entry, "MESSAGE_ID", f->message_id);
        add_id(&entry, "JOB_ID", f->job_id);
        add_id(&entry, "CO_ID", f->co_id);
        add_text(&entry, "PLUGIN", f->plugin);
        add_text(&entry, "JOB_STATUS", f->job_status);
        add_text(&entry, "RECORD_KEY", f->record_key);
        (void) sd_journal_sendv(entry.fields, entry.n);
        for (int i = 0; i < entry.n; i++)
                free(entry.texts[i]);
}

void journal_install(void) {
        log_set_sink(send_line, NULL);
}
