/*
 * Reads the kernel's texts about control groups, and computes what is written to their files. Pure:
 * cgroup.h does the reading and writing. Only the unified hierarchy (cgroup2) counts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room for a path. */
#define CGROUP_PATH_SIZE 4096u

#define CGROUP_TEXT_E_NONE 1 /* the text does not have what is looked for */

/* Finds the group of a process in /proc/PID/cgroup: "/system.slice/x.service". */
int cgroup_text_own(const char *text, char *path, size_t size);

/*
 * Finds the directory of the group `path` by /proc/self/mountinfo. A mount may show a part of the
 * hierarchy only, as in containers. The last mount that shows the group counts.
 */
int cgroup_text_directory(const char *mountinfo, const char *path, char *directory, size_t size);

/* Finds the number behind `key` in a text such as that of memory.events. */
int cgroup_text_count(const char *text, const char *key, uint64_t *ret);

/* 1 when `word` is in a line of words such as that of cgroup.controllers. */
int cgroup_text_has(const char *text, const char *word);

/* The maximum that lets a group that uses `used` use `more` beyond that. */
uint64_t cgroup_text_max(uint64_t used, uint64_t more);
