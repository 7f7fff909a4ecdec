#include "util/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/macro.h"
#include "util/text.h"

/* Reads at most `size` - 1 bytes of a small file of /proc; returns the bytes or -errno. */
static ssize_t read_small(const char *path, char *buffer, size_t size) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, buffer, size - 1);
        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        return n;
}

int process_host(char name[HOST_NAME_SIZE]) {
        char full[256];
        if (gethostname(full, sizeof(full)) < 0)
                return error_origin(-errno);
        full[sizeof(full) - 1] = '\0';
        (void) text_copy_utf8(name, HOST_NAME_SIZE, 64, full);
        return 0;
}

int process_boot(char id[BOOT_ID_SIZE]) {
        char boot[64], space[64];
        ssize_t n = read_small("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
        if (n < 0)
                return error_origin((int) n);
        boot[strcspn(boot, "\n")] = '\0';
        n = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
        if (n < 0)
                return error_origin(-errno);
        space[n] = '\0';
        id[0] = '\0';
        (void) text_append(id, BOOT_ID_SIZE, "%.36s %.40s", boot, space);
        return 0;
}

/* Fields of /proc/PID/stat are counted from behind the name, which may hold anything. */
static int read_stat(pid_t pid, char *ret_state, int64_t *ret_ticks) {
        char path[32], stat[1024];
        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        ssize_t n = read_small(path, stat, sizeof(stat));
        if (n < 0)
                return n == -ENOENT ? -ESRCH : (int) n;

        const char *rest = strrchr(stat, ')');
        if (!rest || sscanf(rest,
                            ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                            "%*d %*d %*d %*d %" SCNd64,
                            ret_state, ret_ticks) != 2)
                return error_origin(-EBADMSG);
        return 0;
}

int process_start_ticks(pid_t pid, int64_t *ret) {
        char state;
        int64_t ticks;
        int r = read_stat(pid, &state, &ticks);
        if (!r)
                *ret = ticks;
        return r;
}

int process_is_alive(pid_t pid, int64_t start_ticks) {
        char state;
        int64_t ticks;
        if (read_stat(pid, &state, &ticks) < 0)
                return 0;
        return ticks == start_ticks && state != 'Z' && state != 'X';
}

int process_group_is_alive(pid_t group) {
        DIR *processes = opendir("/proc");
        int is_alive = 0;

        for (const struct dirent *entry; processes && !is_alive && (entry = readdir(processes));) {
                char path[64], stat[1024], state;
                int pgrp;

                if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
                        continue;
                (void) snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
                const char *rest =
                        read_small(path, stat, sizeof(stat)) < 0 ? NULL : strrchr(stat, ')');
                is_alive = rest && sscanf(rest, ") %c %*d %d", &state, &pgrp) == 2 &&
                           pgrp == group && state != 'Z' && state != 'X';
        }
        if (processes)
                (void) closedir(processes);
        return is_alive;
}

/* Of one thread. The list may be long, and has no end in a fixed buffer. */
static size_t read_children(const char *thread, pid_t *pids, size_t max) {
        char path[64];
        size_t n = 0;
        int pid;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", thread);
        FILE *file = fopen(path, "re");
        while (file && n < max && fscanf(file, "%d", &pid) == 1)
                pids[n++] = pid;
        if (file)
                (void) fclose(file);
        return n;
}

size_t process_children(pid_t *pids, size_t max) {
        size_t n = 0;
        DIR *threads = opendir("/proc/self/task");

        for (const struct dirent *entry; threads && (entry = readdir(threads));)
                if (entry->d_name[0] != '.')
                        n += read_children(entry->d_name, pids + n, max - n);
        if (threads)
                (void) closedir(threads);
        return n;
}

static usec_t usec_of(const struct timeval *time) {
        return (usec_t) time->tv_sec * USEC_PER_SEC + (usec_t) time->tv_usec;
}

usec_t process_cpu_usec(const struct rusage *usage) {
        return usec_add(usec_of(&usage->ru_utime), usec_of(&usage->ru_stime));
}

int process_name(pid_t pid, char name[PROCESS_NAME_SIZE]) {
        char path[32], comm[64], state;
        int64_t ticks;

        int r = read_stat(pid, &state, &ticks);
        if (r)
                return r;
        if (state == 'Z' || state == 'X')
                return -ESRCH;
        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
        ssize_t n = read_small(path, comm, sizeof(comm));
        if (n < 0)
                return n == -ENOENT ? -ESRCH : (int) n;
        comm[strcspn(comm, "\n")] = '\0';
        (void) text_copy_utf8(name, PROCESS_NAME_SIZE, 0, comm);
        return 0;
}
