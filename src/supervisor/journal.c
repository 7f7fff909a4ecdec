/*
 * The journal's native protocol over a socket of our own. sd_journal_sendv() keeps its socket where
 * nobody can name it: a forked worker that closes what it inherits would leave libsystemd with
 * a number that becomes, say, the worker's database connection, and write log lines into that. The
 * same could happen to this socket when a plugin closes what is not its own: it is looked at before
 * each line, and opened again. Nor may a line ever wait: one that the journal has no room for is
 * dropped.
 */
#include "supervisor/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/descriptors.h"
#include "util/log.h"
#include "util/text.h"

#define SEND_BUFFER_BYTES (1024 * 1024)
#define ENTRY_BYTES 8192
#define LINE_BYTES 2048

/* Where the log goes when it goes to the journal. */
typedef struct Sink {
        const char *identifier;
        DescriptorIdentity socket;
} Sink;

int journal_is_connected(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Values are one line each (log.c sees to that of the message), so NAME=VALUE is enough. */
static void add_text(char *entry, size_t size, const char *name, const char *value) {
        if (value && !strchr(value, '\n'))
                (void) text_append(entry, size, "%s=%s\n", name, value);
}

static void add_number(char *entry, size_t size, const char *name, uint64_t value) {
        if (value)
                (void) text_append(entry, size, "%s=%" PRIu64 "\n", name, value);
}

static void add_id(char *entry, size_t size, const char *name, int32_t id) {
        if (id)
                (void) text_append(entry, size, "%s=%d\n", name, id);
}

static int connect_journal(void) {
        const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                            .sun_path = "/run/systemd/journal/socket"};
        const int buffer = SEND_BUFFER_BYTES;

        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                (void) close(fd);
                return -1;
        }
        return fd;
}

static void compose(char *entry, size_t size, const char *identifier, int level,
                    const LogFields *fields, const char *text) {
        static const LogFields none = {0};
        const LogFields *f = fields ? fields : &none;

        (void) text_append(entry, size, "MESSAGE=%s%s%s\nPRIORITY=%d\n", text,
                           f->hint ? ". Hint: " : "", f->hint ? f->hint : "", level);
        add_text(entry, size, "SYSLOG_IDENTIFIER", identifier);
        add_text(entry, size, "MESSAGE_ID", f->message_id);
        add_id(entry, size, "JOB_ID", f->job_id);
        add_id(entry, size, "CO_ID", f->co_id);
        add_text(entry, size, "PLUGIN", f->plugin);
        add_text(entry, size, "JOB_STATUS", f->job_status);
        add_text(entry, size, "RECORD_KEY", f->record_key);
        add_number(entry, size, "JOB_WALL_USEC", f->wall_usec);
        add_number(entry, size, "JOB_CPU_USEC", f->cpu_usec);
        add_number(entry, size, "WORKER_PEAK_MEMORY", f->peak_bytes);
}

static void send_entry(int fd, const char *entry) {
        (void) send(fd, entry, strlen(entry), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_line(int level, const LogFields *fields, const char *text, void *userdata) {
        Sink *sink = userdata;
        char entry[ENTRY_BYTES] = "";

        compose(entry, sizeof(entry), sink->identifier, level, fields, text);
        if (sink->socket.fd < 0 ||
            !descriptor_is_same(&sink->socket)) /* whoever has its number now is not to get this */
                sink->socket = descriptor_identify(connect_journal());
        send_entry(sink->socket.fd, entry);
}

int journal_install(const char *identifier) {
        static Sink sink;

        sink = (Sink){.identifier = identifier, .socket = descriptor_identify(connect_journal())};
        if (sink.socket.fd < 0)
                return -1;
        log_set_sink(send_line, &sink);
        return sink.socket.fd;
}

void journal_note(const char *identifier, int level, const LogFields *fields, const char *text) {
        _cleanup_(closep) int fd = connect_journal();
        char entry[ENTRY_BYTES] = "", line[LINE_BYTES];

        if (fd < 0)
                return;
        (void) text_copy_utf8(line, sizeof(line), 0, text);
        text_make_line(line);
        compose(entry, sizeof(entry), identifier, level, fields, line);
        send_entry(fd, entry);
}
