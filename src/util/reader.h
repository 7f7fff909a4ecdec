/* Reads from a descriptor, however the bytes come in. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Up to `size` bytes; fewer only at the end. Returns how many, or -errno. */
ssize_t read_fully(int fd, char *to, size_t size);
