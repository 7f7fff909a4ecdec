/* Memory that was only needed to start. */
#pragma once

/*
 * Gives the pages of program text and read-only tables back to the page cache, the program's own
 * and its libraries'. What is still needed comes back when it is touched. Most of a small daemon's
 * resident memory is what the dynamic linker and the constructors of libraries read once.
 */
void memory_release_startup(void);
