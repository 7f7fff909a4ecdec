/* Reads the kernel's line about a process. Pure: process.h does the reading. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

typedef struct ProcessStat {
        char state; /* 'Z', 'X': it has ended */
        pid_t group;
        int64_t start_ticks; /* clock ticks from boot to its start */
} ProcessStat;

/*
 * Reads the text of /proc/PID/stat. The name of the process may hold anything: the fields are
 * counted from its end. Returns 0, or -EBADMSG for another text.
 */
int process_stat_parse(const char *text, ProcessStat *ret);
