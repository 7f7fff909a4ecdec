/*
 * Memory that the supervisor shares with one worker. It lies in a memfd, not in an anonymous
 * mapping: a supervisor that replaces its program can find it again through the descriptor. No
 * other process inherits the supervisor's own mapping: a worker maps its own memory over a
 * descriptor that is handed to it, and closes that before it loads a plugin.
 */
#pragma once

#include <stddef.h>

/*
 * Makes zeroed memory of `size` bytes, and maps it for reading and writing; children of this
 * process do not inherit the mapping. `ret_fd` is close-on-exec and the caller's. Returns 0 or
 * -errno.
 */
int shared_new(const char *name, size_t size, void **ret_memory, int *ret_fd);

/*
 * A second descriptor of the memory behind `fd`, through which it can be mapped for reading only:
 * such a mapping cannot be made writable, by nobody. Returns the descriptor or -errno.
 */
int shared_open_read_only(int fd);

/* Maps the memory behind `fd` with `protection` (PROT_*), and closes `fd` in any case. */
int shared_map(int fd, size_t size, int protection, void **ret_memory);

/* Takes NULL. */
void shared_unmap(void *memory, size_t size);
