/*
 * The walk is that of the kernel, made by hand: component after component, from the root, with the
 * texts of symbolic links put before the rest of the path. Links of /proc are the exception: the
 * kernel follows them, because what they lead to need not have a path (/dev/fd/63).
 */
#include "files/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/error.h"
#include "util/macro.h"
#include "util/reader.h"
#include "util/text.h"

#define LINKS_MAX 40 /* as the kernel has it */
#define ENTRY_BYTES 4096

typedef struct Walk {
        TrustKind kind; /* of what is looked for */
        int fd;         /* where the walk is */
        unsigned links;
        char seen[PATH_MAX]; /* the path of that, for messages; "" is the root */
        char rest[PATH_MAX]; /* what is left */
        char *why;
        size_t size;
} Walk;

/* An access list may let others write whom the bits of the mode do not name. */
static int has_access_list(int fd) {
        char path[32];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0 ||
               (errno != ENODATA && errno != ENOTSUP);
}

/* Whether the group is the owner's own: his first one, of his name, and with no other member. */
static int is_group_private(uid_t owner, gid_t group) {
        char user_text[ENTRY_BYTES], group_text[ENTRY_BYTES];
        struct passwd user, *found_user = NULL;
        struct group entry, *found = NULL;

        (void) getpwuid_r(owner, &user, user_text, sizeof(user_text), &found_user);
        if (!found_user || user.pw_gid != group)
                return 0;
        (void) getgrgid_r(group, &entry, group_text, sizeof(group_text), &found);
        if (!found || strcmp(entry.gr_name, user.pw_name) != 0)
                return 0;
        for (char **member = entry.gr_mem; *member; member++)
                if (strcmp(*member, user.pw_name) != 0)
                        return 0;
        return 1;
}

/* What has no name any more cannot be reached by others, and what root made a device is one. */
static int is_out_of_reach(const struct stat *st) {
        return !st->st_nlink || (S_ISCHR(st->st_mode) && !st->st_uid);
}

static TrustKind kind_of(const Walk *walk, const struct stat *st) {
        return S_ISDIR(st->st_mode)   ? TRUST_DIRECTORY
               : S_ISLNK(st->st_mode) ? TRUST_LINK
                                      : walk->kind;
}

/* Judges what `fd` is, which is called `path`. */
static int judge(const Walk *walk, int fd, const struct stat *st, const char *path) {
        TrustFacts facts = {.kind = kind_of(walk, st),
                            .owner = st->st_uid,
                            .group = st->st_gid,
                            .mode = st->st_mode & ALLPERMS};

        if (is_out_of_reach(st))
                return 0;
        if (facts.mode & S_IWGRP && facts.kind != TRUST_LINK)
                facts.is_group_private =
                        is_group_private(st->st_uid, st->st_gid) && !has_access_list(fd);
        TrustFault fault = trust_judge(&facts, geteuid());
        if (!fault)
                return 0;
        trust_explain(fault, &facts, path, geteuid(), walk->why, walk->size);
        return TRUSTED_E_REFUSED;
}

/* Takes the next component off the rest: 0 when nothing is left. */
static int next_name(Walk *walk, char name[NAME_MAX + 1]) {
        const char *from = walk->rest + strspn(walk->rest, "/");
        size_t n = strcspn(from, "/");

        if (!n || n > NAME_MAX)
                return n ? -ENAMETOOLONG : 0;
        memcpy(name, from, n);
        name[n] = '\0';
        memmove(walk->rest, from + n, strlen(from + n) + 1);
        return 1;
}

/* The walk goes on there. */
static void move_to(Walk *walk, int *fd, const char *path) {
        (void) close(walk->fd);
        walk->fd = TAKE_FD(*fd);
        (void) snprintf(walk->seen, sizeof(walk->seen), "%s", path);
}

static int start_at_root(Walk *walk) {
        _cleanup_(closep) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        int r = judge(walk, fd, &st, "/");
        if (!r)
                move_to(walk, &fd, "");
        return r;
}

/* Puts the text of a symbolic link before the rest. */
static int follow_link(Walk *walk, int fd) {
        char rest[PATH_MAX], text[PATH_MAX];

        ssize_t n = readlinkat(fd, "", text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (++walk->links > LINKS_MAX)
                return -ELOOP;
        int written = snprintf(rest, sizeof(rest), "%s%s", text, walk->rest);
        if (written < 0 || (size_t) written >= sizeof(rest))
                return -ENAMETOOLONG;
        memcpy(walk->rest, rest, (size_t) written + 1);
        return text[0] == '/' ? start_at_root(walk) : 0;
}

static int is_of_proc(int fd) {
        struct statfs fs;
        return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* Opens a component, the last one or not; the link itself where it is one that we follow. */
static int open_name(const Walk *walk, const char *name, struct stat *ret_st) {
        _cleanup_(closep) int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || fstat(fd, ret_st) < 0)
                return -errno;
        if (!S_ISLNK(ret_st->st_mode) || !is_of_proc(fd))
                return TAKE_FD(fd);
        _cleanup_(closep) int to = openat(walk->fd, name, O_PATH | O_CLOEXEC);
        if (to < 0 || fstat(to, ret_st) < 0)
                return -errno;
        return TAKE_FD(to);
}

static int step_to(Walk *walk, const char *name) {
        char path[PATH_MAX + NAME_MAX + 2];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/%s", walk->seen, name);
        _cleanup_(closep) int fd = open_name(walk, name, &st);
        int r = fd < 0 ? fd : judge(walk, fd, &st, path);
        if (r)
                return r;
        if (S_ISLNK(st.st_mode))
                return follow_link(walk, fd);
        if (strlen(path) >= PATH_MAX)
                return -ENAMETOOLONG;
        if (walk->rest[0] && !S_ISDIR(st.st_mode))
                return -ENOTDIR;
        move_to(walk, &fd, path);
        return 0;
}

/* The directory above was judged on the way down, unless a link led here from elsewhere. */
static int step_up(Walk *walk) {
        char above[PATH_MAX];
        struct stat st;

        (void) snprintf(above, sizeof(above), "%s", walk->seen);
        char *slash = strrchr(above, '/');
        if (slash)
                *slash = '\0';
        _cleanup_(closep) int fd = openat(walk->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        int r = judge(walk, fd, &st, *above ? above : "/");
        if (!r)
                move_to(walk, &fd, above);
        return r;
}

static int walk_path(Walk *walk) {
        char name[NAME_MAX + 1];

        int r = start_at_root(walk);
        while (!r && (r = next_name(walk, name)) > 0)
                r = !strcmp(name, ".")    ? 0
                    : !strcmp(name, "..") ? step_up(walk)
                                          : step_to(walk, name);
        return r;
}

int trusted_find(const char *path, TrustKind kind, int *ret_fd, char *why, size_t size) {
        _cleanup_(freep) char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
        Walk walk = {.kind = kind, .fd = -1, .size = size};

        walk.why = why;
        if (!path[0] || (path[0] != '/' && !here))
                return path[0] ? -errno : -ENOENT;
        int n = snprintf(walk.rest, sizeof(walk.rest), "%s/%s", here ? here : "", path);
        if (n < 0 || (size_t) n >= sizeof(walk.rest))
                return -ENAMETOOLONG;
        int r = walk_path(&walk);
        if (r)
                closep(&walk.fd);
        else
                *ret_fd = walk.fd;
        return r;
}

int trusted_read(const char *path, TrustKind kind, char *text, size_t size, size_t *ret_length,
                 char *why, size_t why_size) {
        _cleanup_(closep) int found = -1;
        char name[32];

        int r = trusted_find(path, kind, &found, why, why_size);
        if (r)
                return r;
        (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", found);
        _cleanup_(closep) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        ssize_t n = fd < 0 ? -errno : read_fully(fd, text, size);
        if (n < 0)
                return (int) n;
        *ret_length = (size_t) n;
        return 0;
}
