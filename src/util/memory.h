/* Memory that was only needed to start, and memory that the kernel had not. */
#pragma once

#include <stdint.h>

/*
 * Gives the pages of program text and read-only tables back to the page cache, the program's own
 * and its libraries'. What is still needed comes back when it is touched. Most of a small daemon's
 * resident memory is what the dynamic linker and the constructors of libraries read once.
 */
void memory_release_startup(void);

/* How many processes of this machine the OOM killer has ended since boot; -errno where it is
 * hidden. */
int memory_oom_kills(uint64_t *ret);
