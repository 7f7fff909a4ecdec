#include "util/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/macro.h"
#include "util/process_stat.h"
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

/* -ESRCH only when there is no such process: /proc may hide those of others, or not be there. */
static int read_stat(pid_t pid, ProcessStat *ret) {
        char path[32], text[1024];
        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        ssize_t n = read_small(path, text, sizeof(text));

        if (n == -ENOENT || n == -ESRCH)
                return pid > 0 && (!kill(pid, 0) || errno != ESRCH) ? -EACCES : -ESRCH;
        return n < 0 ? (int) n : process_stat_parse(text, ret);
}

static int has_ended(const ProcessStat *stat) {
        return stat->state == 'Z' || stat->state == 'X';
}

int process_start_ticks(pid_t pid, int64_t *ret) {
        ProcessStat stat;
        int r = read_stat(pid, &stat);
        if (!r)
                *ret = stat.start_ticks;
        return r;
}

ProcessLife process_life(pid_t pid, int64_t start_ticks) {
        ProcessStat stat;
        int r = read_stat(pid, &stat);

        if (r)
                return r == -ESRCH ? PROCESS_GONE : PROCESS_UNKNOWN;
        return stat.start_ticks == start_ticks && !has_ended(&stat) ? PROCESS_ALIVE : PROCESS_GONE;
}

/* Of one entry of /proc: whether it lives, and in that group. */
static ProcessLife member_life(const char *name, pid_t group) {
        pid_t pid = (pid_t) strtol(name, NULL, 10);
        ProcessStat stat;

        if (pid <= 0)
                return PROCESS_GONE; /* it is no process */
        int r = read_stat(pid, &stat);
        if (r)
                return r == -ESRCH ? PROCESS_GONE : PROCESS_UNKNOWN;
        return stat.group == group && !has_ended(&stat) ? PROCESS_ALIVE : PROCESS_GONE;
}

/* Whether /proc shows only those processes that we may look into: the first one is always there. */
static int hides_others(void) {
        ProcessStat stat;
        return read_stat(1, &stat) == -EACCES;
}

ProcessLife process_group_life(pid_t group) {
        ProcessLife life = PROCESS_GONE;
        const struct dirent *entry;

        if (kill(-group, 0) < 0 && errno == ESRCH)
                return PROCESS_GONE; /* not even a zombie */
        DIR *processes = opendir("/proc");
        if (!processes)
                return PROCESS_UNKNOWN;
        while (life != PROCESS_ALIVE && (entry = readdir(processes))) {
                ProcessLife one = member_life(entry->d_name, group);
                if (one != PROCESS_GONE)
                        life = one;
        }
        (void) closedir(processes);
        if (life == PROCESS_GONE && hides_others() && !kill(-group, 0))
                return PROCESS_UNKNOWN; /* of ours, and hidden; or a zombie */
        return life;
}

ProcessLife process_led_life(pid_t pid, int64_t start_ticks) {
        int64_t ticks;

        if (pid <= 1)
                return PROCESS_GONE;
        ProcessLife life = process_life(pid, start_ticks);
        if (life != PROCESS_GONE)
                return life;
        /*
         * While a group has members, its number is given to no new process. The dead leader may be
         * there still, if its new parent is slow to wait for it.
         */
        int r = process_start_ticks(pid, &ticks);
        if (r != -ESRCH && (r || ticks != start_ticks))
                return r ? PROCESS_UNKNOWN : PROCESS_GONE;
        return process_group_life(pid);
}

/* Of one thread. The list may be long, and has no end in a fixed buffer. */
static size_t read_children(const char *thread, pid_t *pids, size_t max) {
        char path[64];
        size_t n = 0;
        int pid;

        (void) snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", thread);
        FILE *file = fopen(path, "re");
        while (file && n < max && fscanf(file, "%d", &pid) == 1)
                if (pid > 1) /* 0: in a namespace that we do not see */
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
        char path[32], comm[64] = "?";
        ProcessStat stat;

        int r = read_stat(pid, &stat);
        if (r == -ESRCH || (!r && has_ended(&stat)))
                return -ESRCH;
        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
        if (!r && read_small(path, comm, sizeof(comm)) < 0)
                (void) strcpy(comm, "?");
        comm[strcspn(comm, "\n")] = '\0';
        (void) text_copy_utf8(name, PROCESS_NAME_SIZE, 0, comm);
        return 0;
}
