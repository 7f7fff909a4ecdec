/* Gives memory back that was needed for the start only; counts kills for want of memory. */
#pragma once

#include <stdint.h>

/*
 * Gives the pages of program text and read-only tables, the program's own and its libraries', back
 * to the page cache. A page that is needed again is mapped again when it is touched. Most of a
 * small daemon's resident memory is what the dynamic linker and the constructors of libraries read
 * once.
 */
void memory_release_startup(void);

/*
 * Counts the processes of this machine that the OOM killer has killed since boot. Returns 0, or
 * -errno where the kernel hides the count.
 */
int memory_oom_kills(uint64_t *ret);
