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

/*
 * Clock ticks from boot to the start of `pid`; -ESRCH when there is no such process, and another
 * -errno when that cannot be known.
 */
int process_start_ticks(pid_t pid, int64_t *ret);

/*
 * What can be found out about a process. "Unknown" is everything that is no answer: no descriptor,
 * no memory, a /proc that is hidden. Who must not be two at a time takes it for "alive".
 */
typedef enum ProcessLife { PROCESS_GONE, PROCESS_ALIVE, PROCESS_UNKNOWN } ProcessLife;

/* Whether exactly the process that started then is still there, zombies not counted. */
ProcessLife process_life(pid_t pid, int64_t start_ticks);

/* Whether a process group has a member, zombies not counted. May read all of /proc. */
ProcessLife process_group_life(pid_t group);

/*
 * The children of this process, of all its threads, zombies included: at most `max` of them.
 * Returns how many were written; 0 also where the kernel does not tell.
 */
size_t process_children(pid_t *pids, size_t max);

/* User and system time together. */
usec_t process_cpu_usec(const struct rusage *usage);

/* Room for process_name(). */
#define PROCESS_NAME_SIZE 65

/*
 * The command name of `pid`, as valid UTF-8, "?" when it is hidden; -ESRCH when there is no such
 * process, or a zombie.
 */
int process_name(pid_t pid, char name[PROCESS_NAME_SIZE]);
