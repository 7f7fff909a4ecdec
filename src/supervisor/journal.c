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

static void send_line(int level, const LogFields *fields, const char *text, void *userdata) {
        static const LogFields none = {0};
        const LogFields *f = fields ? fields : &none;
        DescriptorIdentity *socket_of = userdata;
        char entry[8192] = "";

        (void) text_append(entry, sizeof(entry), "MESSAGE=%s%s%s\nPRIORITY=%d\n", text,
                           f->hint ? ". Hint: " : "", f->hint ? f->hint : "", level);
        add_text(entry, sizeof(entry), "SYSLOG_IDENTIFIER", "registry-jobd");
        add_text(entry, sizeof(entry), "MESSAGE_ID", f->message_id);
        add_id(entry, sizeof(entry), "JOB_ID", f->job_id);
        add_id(entry, sizeof(entry), "CO_ID", f->co_id);
        add_text(entry, sizeof(entry), "PLUGIN", f->plugin);
        add_text(entry, sizeof(entry), "JOB_STATUS", f->job_status);
        add_text(entry, sizeof(entry), "RECORD_KEY", f->record_key);
        add_number(entry, sizeof(entry), "JOB_WALL_USEC", f->wall_usec);
        add_number(entry, sizeof(entry), "JOB_CPU_USEC", f->cpu_usec);
        add_number(entry, sizeof(entry), "WORKER_PEAK_MEMORY", f->peak_bytes);
        if (socket_of->fd < 0 ||
            !descriptor_is_same(socket_of)) /* whoever has its number now is not to get this */
                *socket_of = descriptor_identify(connect_journal());
        (void) send(socket_of->fd, entry, strlen(entry), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int journal_install(void) {
        static DescriptorIdentity socket_of;

        socket_of = descriptor_identify(connect_journal());
        if (socket_of.fd < 0)
                return -1;
        log_set_sink(send_line, &socket_of);
        return socket_of.fd;
}
