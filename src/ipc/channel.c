#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "util/error.h"

int channel_new(int ret[2]) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
                return error_origin(-errno);
        if (fcntl(ret[0], F_SETFL, O_NONBLOCK) < 0) {
                int r = -errno;
                (void) close(ret[0]);
                (void) close(ret[1]);
                return error_origin(r);
        }
        return 0;
}

static int send_message(int fd, const ChannelMessage *message, int flags) {
        for (;;) {
                if (send(fd, message, sizeof(*message), MSG_NOSIGNAL | flags) >= 0)
                        return 0;
                if (errno == EINTR)
                        continue;
                if (errno == EPIPE || errno == ECONNRESET)
                        return CHANNEL_E_CLOSED;
                return errno == EAGAIN ? CHANNEL_E_AGAIN : error_origin(-errno);
        }
}

int channel_send(int fd, const ChannelMessage *message) {
        return send_message(fd, message, 0);
}

int channel_try_send(int fd, const ChannelMessage *message) {
        return send_message(fd, message, MSG_DONTWAIT);
}

int channel_receive(int fd, ChannelMessage *ret) {
        ChannelMessage message;

        for (;;) {
                ssize_t n = recv(fd, &message, sizeof(message), MSG_TRUNC);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return CHANNEL_E_CLOSED;
                if (n < 0)
                        return errno == EAGAIN ? CHANNEL_E_AGAIN : error_origin(-errno);
                if (n != sizeof(message) || message.type < CHANNEL_ASSIGN ||
                    message.type >= _CHANNEL_TYPE_MAX || message.end >= _TURN_END_MAX ||
                    message.is_last > 1)
                        return CHANNEL_E_INVALID;
                message.plugin[sizeof(message.plugin) - 1] = '\0';
                message.residue[sizeof(message.residue) - 1] = '\0';
                *ret = message;
                return 0;
        }
}
