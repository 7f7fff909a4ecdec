#include "util/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

#include "util/macro.h"

#define SMALL_SIZE 4096 /* of a file that has a few lines; of many PIDs, the first ones */

/* Returns 0 or -errno; what does not fit is left. */
static int read_small(int dir, const char *name, char text[SMALL_SIZE]) {
        _cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, SMALL_SIZE - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return 0;
}

static int write_text(int dir, const char *name, const char *text) {
        _cleanup_(closep) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* A whole file of /proc; NULL when it cannot be read. */
static char *read_whole(const char *path) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = fopen(path, "re");

        if (!file)
                return NULL;
        if (getdelim(&text, &size, '\0', file) < 0) {
                free(text);
                text = NULL;
        }
        (void) fclose(file);
        return text;
}

static int find_own(char directory[CGROUP_PATH_SIZE]) {
        _cleanup_(freep) char *own = read_whole("/proc/self/cgroup");
        _cleanup_(freep) char *mounts = read_whole("/proc/self/mountinfo");
        char path[CGROUP_PATH_SIZE];

        if (!own || !mounts || cgroup_text_own(own, path, sizeof(path)) ||
            cgroup_text_directory(mounts, path, directory, CGROUP_PATH_SIZE))
                return CGROUP_E_NONE;
        return 0;
}

/* A directory of the name may be another one: behind another mount, or in another namespace. */
static int is_member(int dir, int *ret_is_alone) {
        char text[SMALL_SIZE], pid[24];
        struct statfs fs;

        if (fstatfs(dir, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC ||
            read_small(dir, "cgroup.procs", text))
                return 0;
        (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
        *ret_is_alone = cgroup_text_has(text, pid) && strlen(text) <= strlen(pid) + 1;
        return cgroup_text_has(text, pid);
}

/*
 * systemd marks what it hands over. Where it does not (before version 251), it is ours when we may
 * write to it and are alone in it: the group of a terminal belongs to its user as well. Root may
 * write to everything, which says nothing.
 */
static int is_delegated(int dir, int is_alone) {
        char mark[4] = "";

        if (fgetxattr(dir, "user.delegate", mark, sizeof(mark) - 1) > 0)
                return !strcmp(mark, "1");
        return is_alone && geteuid() != 0 && !faccessat(dir, ".", W_OK, AT_EACCESS) &&
               !faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS);
}

static int make(int dir, const char *name) {
        if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* A group of that name may have been left there, and frozen: whoever joined it would stand still.
 */
static int move_to(int dir, const char *name) {
        _cleanup_(closep) int group = make(dir, name);
        int r = group < 0 ? group : cgroup_write(group, "cgroup.freeze", 0);
        return r && r != -ENOENT ? r : cgroup_join(group);
}

/* Those of them that can be had: each on its own, because one that is missing refuses all. */
static unsigned enable(int dir) {
        static const struct {
                const char *name;
                const char *text;
                unsigned bit;
        } wanted[] = {{"memory", "+memory", CGROUP_MEMORY}, {"pids", "+pids", CGROUP_PIDS}};
        unsigned controllers = 0;
        char text[SMALL_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
                (void) write_text(dir, "cgroup.subtree_control", wanted[i].text);
                if (!read_small(dir, "cgroup.subtree_control", text) &&
                    cgroup_text_has(text, wanted[i].name))
                        controllers |= wanted[i].bit;
        }
        return controllers;
}

int cgroup_take(const char *name, Cgroup *ret, char directory[CGROUP_PATH_SIZE]) {
        int is_alone = 0;

        directory[0] = '\0';
        if (find_own(directory))
                return CGROUP_E_NONE;
        _cleanup_(closep) int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0 || !is_member(dir, &is_alone))
                return CGROUP_E_NONE;
        if (!is_delegated(dir, is_alone))
                return CGROUP_E_NOT_OURS;
        /* Held by us alone: our children close their copy. */
        if (flock(dir, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? CGROUP_E_IN_USE : -errno;
        int r = move_to(dir, name);
        if (r)
                return r;
        *ret = (Cgroup){.fd = dir, .controllers = enable(dir)};
        dir = -1;
        return 0;
}

void cgroup_leave(Cgroup *cgroup, const char *name) {
        if (cgroup->fd < 0)
                return;
        /* A group that hands controllers down may have no members. */
        if (cgroup->controllers & CGROUP_MEMORY)
                (void) write_text(cgroup->fd, "cgroup.subtree_control", "-memory");
        if (cgroup->controllers & CGROUP_PIDS)
                (void) write_text(cgroup->fd, "cgroup.subtree_control", "-pids");
        if (!cgroup_join(cgroup->fd))
                cgroup_remove(cgroup, name);
        (void) close(cgroup->fd);
        cgroup->fd = -1;
}

/* One round: returns how many of the groups had something in them, and removes the others. */
static unsigned clear_once(const Cgroup *cgroup, const char *prefix) {
        unsigned n = 0;
        int fd = openat(cgroup->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *groups = fd < 0 ? NULL : fdopendir(fd);

        for (const struct dirent *entry; groups && (entry = readdir(groups));) {
                if (strncmp(entry->d_name, prefix, strlen(prefix)))
                        continue;
                _cleanup_(closep) int group =
                        openat(cgroup->fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (group >= 0 && cgroup_end(group))
                        n++;
                else
                        cgroup_remove(cgroup, entry->d_name);
        }
        if (groups)
                (void) closedir(groups);
        else
                closep(&fd);
        return n;
}

unsigned cgroup_clear(const Cgroup *cgroup, const char *prefix, usec_t limit_usec) {
        const struct timespec tick = {.tv_nsec = 2000000};
        usec_t end = usec_add(clock_now_usec(), limit_usec);
        unsigned first = clear_once(cgroup, prefix);

        for (unsigned left = first; left && clock_now_usec() < end;
             left = clear_once(cgroup, prefix))
                (void) nanosleep(&tick, NULL);
        return first;
}

int cgroup_open(const Cgroup *cgroup, const char *name) {
        return cgroup->fd < 0 ? -ENOENT : make(cgroup->fd, name);
}

void cgroup_remove(const Cgroup *cgroup, const char *name) {
        (void) unlinkat(cgroup->fd, name, AT_REMOVEDIR);
}

int cgroup_join(int group) {
        return write_text(group, "cgroup.procs", "0");
}

/* Before Linux 5.14: one by one. What they fork meanwhile is there the next time. */
static void kill_each(int group) {
        char text[SMALL_SIZE];

        if (read_small(group, "cgroup.procs", text))
                return;
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
                long pid = strtol(line, NULL, 10);
                if (pid > 1 && pid != getpid())
                        (void) kill((pid_t) pid, SIGKILL);
        }
}

int cgroup_end(int group) {
        uint64_t is_populated = 0;

        if (cgroup_read_key(group, "cgroup.events", "populated", &is_populated) || !is_populated)
                return 0;
        if (write_text(group, "cgroup.kill", "1"))
                kill_each(group);
        return 1;
}

int cgroup_read(int group, const char *file, uint64_t *ret) {
        char text[SMALL_SIZE];
        int r = read_small(group, file, text);

        if (!r && sscanf(text, "%" SCNu64, ret) != 1)
                r = -EBADMSG;
        return r;
}

int cgroup_read_key(int group, const char *file, const char *key, uint64_t *ret) {
        char text[SMALL_SIZE];
        int r = read_small(group, file, text);

        if (!r && cgroup_text_count(text, key, ret))
                r = -EBADMSG;
        return r;
}

int cgroup_write(int group, const char *file, uint64_t value) {
        char text[24] = "max";

        if (value != UINT64_MAX)
                (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        return write_text(group, file, text);
}
