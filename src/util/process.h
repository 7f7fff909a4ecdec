/*
 * Names of processes that another process or host can check later. A PID alone is used again; a PID
 * with its start time and its boot is not.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "util/clock.h"

/* Room for process_host(), which is the room of the column jobs.assigned_host. */
#define HOST_NAME_SIZE 65
/* Room for process_boot(). */
#define BOOT_ID_SIZE 80

/* Writes the name of this host, cut to 64 characters. Returns 0 or -errno. */
int process_host(char name[HOST_NAME_SIZE]);

/*
 * Writes what names this boot of this kernel and this PID namespace. Processes with equal names can
 * ask kill(2) about each other's PIDs. Returns 0 or -errno.
 */
int process_boot(char id[BOOT_ID_SIZE]);

/*
 * Reads the clock ticks from boot to the start of `pid`. Returns 0; -ESRCH when there is no such
 * process; or another -errno when the kernel does not tell.
 */
int process_start_ticks(pid_t pid, int64_t *ret);

/*
 * What is known about a process. PROCESS_UNKNOWN is every question without an answer: no descriptor
 * was free, no memory, /proc is hidden. A caller that must not run beside that process handles
 * PROCESS_UNKNOWN as PROCESS_ALIVE.
 */
typedef enum ProcessLife { PROCESS_GONE, PROCESS_ALIVE, PROCESS_UNKNOWN } ProcessLife;

/* Whether the process that started at that tick is there. A zombie is gone. */
ProcessLife process_life(pid_t pid, int64_t start_ticks);

/* Whether a process group has a member that is no zombie. May read all of /proc. */
ProcessLife process_group_life(pid_t group);

/*
 * Whether the process that started at that tick is there, or a member of the process group that it
 * led. May read all of /proc.
 */
ProcessLife process_led_life(pid_t pid, int64_t start_ticks);

/*
 * Writes the PIDs of the children of all threads of this process, zombies included, at most `max`.
 * Returns how many were written; 0 also where the kernel does not tell.
 */
size_t process_children(pid_t *pids, size_t max);

/* The sum of user and system time. */
usec_t process_cpu_usec(const struct rusage *usage);

/* Room for process_name(). */
#define PROCESS_NAME_SIZE 65

/*
 * Writes the command name of `pid` as valid UTF-8, "?" when it is hidden. Returns 0; or -ESRCH when
 * there is no such process, or a zombie.
 */
int process_name(pid_t pid, char name[PROCESS_NAME_SIZE]);
