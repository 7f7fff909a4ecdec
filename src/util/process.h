/*
 * Who we are, in words that another process or host can check later: a PID alone
 * is reused, a PID with its start time and the boot that it belongs to is not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "util/clock.h"

/* Room for host_name(): the column jobs.assigned_host. */
#define HOST_NAME_SIZE 65
/* Room for process_boot(). */
#define BOOT_ID_SIZE 80

/* gethostname(), cut to 64 characters. */
int process_host(char name[HOST_NAME_SIZE]);

/*
 * This boot of this kernel, and this PID namespace: where both are the same, kill(2) answers
 * for the PIDs of others.
 */
int process_boot(char id[BOOT_ID_SIZE]);

/* Clock ticks from boot to the start of `pid`; -ESRCH when there is no such process. */
int process_start_ticks(pid_t pid, int64_t *ret);

/* 1 when exactly the process that started then is still there, zombies not counted. */
int process_is_alive(pid_t pid, int64_t start_ticks);

/* 1 when a process group has a member, zombies not counted. Reads all of /proc. */
int process_group_is_alive(pid_t group);

/*
 * The children of this process, of all its threads, zombies included: at most `max` of them.
 * Returns how many were written; 0 also where the kernel does not tell.
 */
size_t process_children(pid_t *pids, size_t max);

/* User and system time together. */
usec_t process_cpu_usec(const struct rusage *usage);

/* Room for process_name(). */
#define PROCESS_NAME_SIZE 65

/* The command name of `pid`, as valid UTF-8; -ESRCH when there is no such process, or a zombie. */
int process_name(pid_t pid, char name[PROCESS_NAME_SIZE]);
