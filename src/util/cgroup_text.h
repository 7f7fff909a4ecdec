/*
 * What the kernel says about control groups, as texts, and what is written to them. Only the
 * unified hierarchy (cgroup2) counts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room for a path. */
#define CGROUP_PATH_SIZE 4096u

#define CGROUP_TEXT_E_NONE 1 /* it is not there */

/* The group of a process, from /proc/PID/cgroup: "/system.slice/x.service". */
int cgroup_text_own(const char *text, char *path, size_t size);

/*
 * The directory that this group has here, by /proc/self/mountinfo. A mount may show a part of the
 * hierarchy only, as in containers. The last mount that shows the group counts.
 */
int cgroup_text_directory(const char *mountinfo, const char *path, char *directory, size_t size);

/* The number behind `key` in a file such as memory.events. */
int cgroup_text_count(const char *text, const char *key, uint64_t *ret);

/* 1 when `word` is one of those in a line such as cgroup.controllers. */
int cgroup_text_has(const char *text, const char *word);

/* What to write as a maximum, so that `more` may be added to what is used now. */
uint64_t cgroup_text_max(uint64_t used, uint64_t more);
