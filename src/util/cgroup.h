/*
 * Control groups that are ours to use: below a directory of the unified hierarchy that whoever
 * started us has handed over ("delegated"). Nothing here waits for longer than a system call takes,
 * but cgroup_clear(), whose wait has an end.
 *
 * A group is known by the descriptor of its directory.
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
        unsigned controllers; /* what the groups in it have */
} Cgroup;

#define CGROUP_E_NONE 1     /* this process has no directory in the unified hierarchy */
#define CGROUP_E_NOT_OURS 2 /* it was not handed over */
#define CGROUP_E_IN_USE 3   /* another supervisor works in it */

/*
 * Takes the directory over: this process moves to the group `name` in it, and the groups below get
 * the controllers that there are. Returns 0, CGROUP_E_* or -errno; `directory` is its name as far
 * as it is known, or "".
 */
int cgroup_take(const char *name, Cgroup *ret, char directory[CGROUP_PATH_SIZE]);

/* The way back; takes one with nothing in it. */
void cgroup_leave(Cgroup *cgroup, const char *name);

/*
 * Ends what lives in the groups whose names begin with `prefix`, and removes them. Returns how many
 * had something in them. What is still there after `limit_usec` stays.
 */
unsigned cgroup_clear(const Cgroup *cgroup, const char *prefix, usec_t limit_usec);

/* Makes a group where there is none; returns its descriptor or -errno. */
int cgroup_open(const Cgroup *cgroup, const char *name);
void cgroup_remove(const Cgroup *cgroup, const char *name);

/* This process becomes a member. */
int cgroup_join(int group);

/* Kills all that is in the group, and in groups below. Returns 1 when there was something. */
int cgroup_end(int group);

/* One number of a group, such as that of memory.current; of a key in it, such as memory.events. */
int cgroup_read(int group, const char *file, uint64_t *ret);
int cgroup_read_key(int group, const char *file, const char *key, uint64_t *ret);

/* UINT64_MAX is written as "max", which is no limit. */
int cgroup_write(int group, const char *file, uint64_t value);
