/*
 * Speaks the journal's native protocol over a socket that this module owns. sd_journal_sendv() is
 * of no use here, because nobody can name its socket: a forked worker that closes what it inherits
 * would leave libsystemd with a number that becomes, for example, the worker's database connection,
 * and libsystemd would write log lines into that connection. A plugin that closes descriptors
 * of others could close the socket of this module, too: before each line the socket is checked, and
 * opened again if its number means something else.
 *
 * A line never waits. When the journal has no room for it, it is dropped, and the log counts it.
 */
#include "journal/journal.h"

#include <errno.h>
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
#define LINE_BYTES 3072 /* of the log, with its hint */
#define ENTRY_BYTES (4 * LINE_BYTES)

/* The sink of the log, while the log goes to the journal. */
typedef struct Sink {
        const char *identifier;
        DescriptorIdentity socket;
} Sink;

static char instance[JOURNAL_INSTANCE_SIZE] = "registry-jobd";

void journal_set_instance(const char *config_path) {
        static const char suffix[] = ".conf";
        const char *slash = strrchr(config_path, '/');
        size_t n = text_copy_utf8(instance, sizeof(instance), 0, slash ? slash + 1 : config_path);

        text_make_line(instance);
        if (n >= sizeof(suffix) && !strcmp(instance + n - (sizeof(suffix) - 1), suffix))
                instance[n - (sizeof(suffix) - 1)] = '\0';
}

const char *journal_instance(void) {
        return instance;
}

int journal_is_connected(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* The form NAME=VALUE is for values of one line: whatever the value has in it, it becomes one. */
static void add_text(char *entry, size_t size, const char *name, const char *value) {
        char line[LINE_BYTES];

        if (!value)
                return;
        (void) text_copy_utf8(line, sizeof(line), 0, value);
        text_make_line(line);
        (void) text_append(entry, size, "%s=%s\n", name, line);
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

static void compose_entry(char *entry, size_t size, const char *identifier, int level,
                          const LogFields *fields, const char *text) {
        static const LogFields none = {0};
        const LogFields *f = fields ? fields : &none;

        char message[LINE_BYTES];

        (void) snprintf(message, sizeof(message), "%s%s%s", text, f->hint ? ". Hint: " : "",
                        f->hint ? f->hint : "");
        add_text(entry, size, "MESSAGE", message);
        (void) text_append(entry, size, "PRIORITY=%d\n", level);
        add_text(entry, size, "SYSLOG_IDENTIFIER", identifier);
        add_text(entry, size, "INSTANCE", instance);
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

static int send_entry(int fd, const char *entry) {
        return send(fd, entry, strlen(entry), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Sends to whoever listens now, when whoever the socket was connected to is gone. */
static int send_again(Sink *sink, const char *entry) {
        closep(&sink->socket.fd);
        sink->socket = descriptor_identify(connect_journal());
        return send_entry(sink->socket.fd, entry);
}

static int send_line(int level, const LogFields *fields, const char *text, void *userdata) {
        Sink *sink = userdata;
        char entry[ENTRY_BYTES] = "";

        compose_entry(entry, sizeof(entry), sink->identifier, level, fields, text);
        if (sink->socket.fd < 0 || !descriptor_is_same(&sink->socket))
                sink->socket = descriptor_identify(connect_journal());
        int r = send_entry(sink->socket.fd, entry);
        if (r == -ECONNREFUSED || r == -ECONNRESET || r == -ENOTCONN)
                r = send_again(sink, entry);
        return r == 0;
}

int journal_install(const char *identifier) {
        static Sink sink;

        sink = (Sink){.identifier = identifier, .socket = descriptor_identify(connect_journal())};
        if (sink.socket.fd < 0)
                return -1;
        log_set_sink(send_line, &sink);
        return sink.socket.fd;
}

void journal_write(const char *identifier, int level, const LogFields *fields, const char *text) {
        _cleanup_(closep) int fd = connect_journal();
        char entry[ENTRY_BYTES] = "";

        if (fd < 0)
                return;
        compose_entry(entry, sizeof(entry), identifier, level, fields, text);
        (void) send_entry(fd, entry);
}
