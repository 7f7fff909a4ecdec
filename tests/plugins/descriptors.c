/* Acts on descriptors that are not the plugin's. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "ipc/channel.h"

#define FD_MAX 256

static const char garbage[] = "chaos, which is no message of anybody\n";

int act_write_all_descriptors(const Chaos *chaos) {
        int n = 0;

        (void) chaos;
        for (int fd = 0; fd < FD_MAX; fd++)
                n += write(fd, garbage, strlen(garbage)) > 0;
        return n ? RJ_OK : RJ_FAILED;
}

/* Sockets that keep the boundaries of messages: not the one to the database. */
static int is_channel(int fd) {
        int type = 0;
        socklen_t size = sizeof(type);

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM;
}

int act_flood_channel(const Chaos *chaos) {
        int64_t end = (int64_t) time(NULL) * 1000 + chaos->value;
        static const char message[16] = "flood"; /* as long as a real one */
        uint64_t n = 0;

        while ((int64_t) time(NULL) * 1000 < end)
                for (int fd = 3; fd < FD_MAX; fd++)
                        if (is_channel(fd))
                                n += send(fd, message, sizeof(message),
                                          MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
        chaos_say(chaos, "sent %llu messages", (unsigned long long) n);
        return n ? RJ_OK : RJ_FAILED;
}

int act_reborn(const Chaos *chaos) {
        ChannelMessage message = {.type = CHANNEL_BORN, .start_ticks = 1};
        int n = 0;

        for (int fd = 3; fd < FD_MAX; fd++)
                n += is_channel(fd) && !channel_try_send(fd, &message);
        return n ? act_obey(chaos) : RJ_FAILED;
}

int act_close_all_descriptors(const Chaos *chaos) {
        (void) chaos;
        return close_range(0, ~0U, 0) ? RJ_FAILED : RJ_OK;
}

int act_leak_descriptors(const Chaos *chaos) {
        for (int64_t i = 0; i < chaos->value; i++)
                if (open("/dev/null", O_RDONLY) < 0)
                        return RJ_FAILED;
        return RJ_OK;
}

int act_write_standard(const Chaos *chaos) {
        for (int64_t i = 0; i < chaos->value; i++)
                for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
                        if (write(fd, garbage, strlen(garbage)) < 0)
                                continue; /* what becomes of it is not the point */
        return RJ_OK;
}

int act_complain(const Chaos *chaos) {
        for (int64_t i = 0; i < chaos->value; i++)
                (void) fputs(garbage, stderr);
        return RJ_OK;
}
