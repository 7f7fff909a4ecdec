/*
 * Control groups of this program. They lie below a directory of the unified hierarchy that systemd,
 * or whoever else started the program, has handed over to it ("delegated"). A group is known by the
 * descriptor of its directory. Only cgroup_clear() waits, and its wait is limited.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/cgroup_text.h"
#include "util/clock.h"

/* Controllers. */
#define CGROUP_MEMORY 1u
#define CGROUP_PIDS 2u

typedef struct Cgroup {
        int fd;               /* of the delegated directory; -1: none */
        unsigned controllers; /* CGROUP_*, those that groups in the directory have */
} Cgroup;

#define CGROUP_E_NONE 1     /* this process has no directory in the unified hierarchy */
#define CGROUP_E_NOT_OURS 2 /* the directory was not handed over to this process */
#define CGROUP_E_IN_USE 3   /* another supervisor works in the directory */

/*
 * Takes the directory over: moves this process to the group `name` in it, and hands the controllers
 * that there are to the groups in it. Returns 0, CGROUP_E_* or -errno. `directory` gets the name of
 * the directory, or "" when it is not known.
 */
int cgroup_take(const char *name, Cgroup *ret, char directory[CGROUP_PATH_SIZE]);

/*
 * Undoes cgroup_take(): moves this process back and gives the directory up. Accepts a Cgroup that
 * has none.
 */
void cgroup_leave(Cgroup *cgroup, const char *name);

/*
 * Kills the members of the groups whose names begin with `prefix`, and removes these groups. A
 * group that still has members after `limit_usec` stays. Returns how many groups had members.
 */
unsigned cgroup_clear(const Cgroup *cgroup, const char *prefix, usec_t limit_usec);

/* Opens a group, made where there is none. Returns its descriptor or -errno. */
int cgroup_open(const Cgroup *cgroup, const char *name);
void cgroup_remove(const Cgroup *cgroup, const char *name);

/* Moves this process to the group. Returns 0 or -errno. */
int cgroup_join(int group);

/* Kills all members of the group and of groups below. Returns 1 when there were any. */
int cgroup_end(int group);

/*
 * Read a number from a file of the group: from one that is a number, such as memory.current, or the
 * number of a key from one with a key in each line, such as memory.events. Return 0 or an error.
 */
int cgroup_read(int group, const char *file, uint64_t *ret);
int cgroup_read_key(int group, const char *file, const char *key, uint64_t *ret);

/* Writes a number to a file of the group; UINT64_MAX as "max", which is no limit. 0 or -errno. */
int cgroup_write(int group, const char *file, uint64_t value);
